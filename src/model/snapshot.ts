/** Where a snapshot stands. `failed` and `discarded` are ends without a publication. */
export type SnapshotState = 'walking' | 'held' | 'published' | 'archived' | 'failed' | 'discarded';

/**
 * How an attempt to mirror a pool ended. Only `archived` is a success; `failed` and `interrupted` can
 * leave a snapshot that the next run resumes.
 */
export type Outcome = 'archived' | 'held' | 'failed' | 'interrupted';

/** The three sets of rows that a snapshot holds and an archive has as datasets. */
export const DATASETS = ['users', 'groups', 'memberships'] as const;
export type Dataset = (typeof DATASETS)[number];

/** Rows of each dataset. */
export type Counts = Readonly<Record<Dataset, number>>;

/** Names one snapshot: of `poolId`, begun at `snapshotAt` (whole seconds). */
export interface SnapshotKey {
  readonly poolId: string;
  readonly snapshotAt: Date;
}

/** A snapshot's id: its `snapshot_at` as `YYYYMMDDTHHMMSSZ`. */
export function snapshotId(snapshotAt: Date): string {
  return `${snapshotAt.toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
}

/** The moment that a snapshot's id names, or null where the text is no such id. */
export function parseSnapshotId(id: string): Date | null {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(id);
  if (!match) return null;
  const [, year, month, day, hour, minute, second] = match;
  const moment = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`);
  return !Number.isNaN(moment.getTime()) && snapshotId(moment) === id ? moment : null;
}
