import { manifestKey } from '../archive/layout.ts';
import { isChanges, type ManifestObject, type ParsedManifest } from '../archive/manifest.ts';
import { CHANGE_KINDS, type ChangeCounts, ChangeTally } from '../model/change-counts.ts';
import { type Counts, DATASETS } from '../model/snapshot.ts';
import type { Finding } from './findings.ts';

/** What a document says of the changes since the snapshot before. */
export interface DocumentedChanges {
  /** Null if it has no parts of `changes`, or if its formats disagree. */
  readonly changes: ChangeCounts | null;
  /** Sentences. */
  readonly problems: readonly string[];
}

/** Adds up what a document says of its parts of `changes`: each format must say the same. */
export function sumChanges(objects: readonly ManifestObject[]): DocumentedChanges {
  const parts = objects.filter(isChanges);
  if (parts.length === 0) return { changes: null, problems: [] };
  const formats = [...new Set(objects.map(({ format }) => format))];
  const totals = formats.map((format) => {
    const tally = new ChangeTally();
    const own = parts.filter((part) => part.format === format);
    for (const { changes } of own) if (changes) tally.addAll(changes);
    return { format, parts: own.length, counts: tally.counts };
  });
  const problems = parts
    .filter(({ rows, changes }) => changes === undefined || rows !== countRows(changes))
    .map(({ key, rows }) => `It says that ${key} has ${rows} rows, and counts others by kind.`);
  const [first] = totals;
  const isSame = ({ parts: found, counts }: (typeof totals)[number]) =>
    found > 0 && JSON.stringify(counts) === JSON.stringify(first?.counts);
  if (!totals.every(isSame)) {
    problems.push(`It has different changes as ${formats.join(' and ')}.`);
  }
  return { changes: problems.length === 0 ? (first?.counts ?? null) : null, problems };
}

const countRows = (changes: ChangeCounts) =>
  DATASETS.flatMap((dataset) => CHANGE_KINDS.map((kind) => changes[dataset][kind])).reduce(
    (sum, rows) => sum + rows,
  );

/** The rows of a snapshot, and what changed since the one before. Null where its documents do not say. */
export interface CountedSnapshot {
  readonly snapshot: string;
  readonly manifest: Pick<ParsedManifest, 'previous'> | null;
  readonly counts: Counts | null;
  readonly changes: ChangeCounts | null;
}

/**
 * Checks that the changes lead from the counts of the snapshot before to those of this one. Without
 * the snapshot before, or without changes, there is nothing to compare.
 */
export function checkChanges(
  poolId: string,
  { snapshot, manifest, counts, changes }: CountedSnapshot,
  checked: readonly CountedSnapshot[],
): Finding[] {
  const before = checked.find((each) => each.snapshot === manifest?.previous?.snapshot)?.counts;
  if (!before || counts === null || changes === null) return [];
  const key = manifestKey(poolId, snapshot);
  return DATASETS.flatMap((dataset): Finding[] => {
    const { added, removed } = changes[dataset];
    if (before[dataset] + added - removed === counts[dataset]) return [];
    const detail = `It counts ${counts[dataset]} ${dataset}, but ${before[dataset]} before, ${added} added and ${removed} removed.`;
    return [{ code: 'rows', key, snapshot, detail }];
  });
}
