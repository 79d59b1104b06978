import type { Problem } from '../model/errors.ts';

/** The prefixes under which every variable is ours, so that an unknown one is a mistake. */
const OUR_PREFIXES = ['MIRROR_', 'ARCHIVE_'];

/** The most changed letters at which one name is taken for a misspelling of another. */
const MAX_DISTANCE = 4;

/** Reports variables that look like ours and are not, with the name that was probably meant. */
export function findUnknownVariables(
  names: readonly string[],
  known: readonly string[],
): Problem[] {
  return names
    .filter((name) => OUR_PREFIXES.some((prefix) => name.startsWith(prefix)))
    .filter((name) => !known.includes(name))
    .sort()
    .map((name) => {
      const meant = nearest(name, known);
      return {
        subject: name,
        problem: 'there is no such variable.',
        remedy: meant === null ? 'Unset it.' : `Did you mean ${meant}? Rename or unset it.`,
      };
    });
}

function nearest(name: string, known: readonly string[]): string | null {
  const [best] = known
    .map((candidate) => ({ candidate, distance: editDistance(name, candidate) }))
    .sort((a, b) => a.distance - b.distance);
  return best !== undefined && best.distance <= MAX_DISTANCE ? best.candidate : null;
}

/** Levenshtein distance: letters to insert, delete or replace. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
