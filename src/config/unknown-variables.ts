import type { Problem } from '../model/errors.ts';
import { nearest } from './nearest.ts';

/** The prefixes under which every variable is ours, so that an unknown one is a mistake. */
const OUR_PREFIXES = ['MIRROR_', 'ARCHIVE_'];

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
