/**
 * The state of a snapshot. `failed` and `discarded` end it without publishing. `comparing` is a reading
 * for `diff … now`, which is never published.
 */
export type SnapshotState =
  | 'walking'
  | 'comparing'
  | 'held'
  | 'published'
  | 'archived'
  | 'failed'
  | 'discarded';

/**
 * The outcome of an attempt to mirror a pool. Only `archived` is a success. `failed` and
 * `interrupted` may leave a snapshot that the next run resumes.
 */
export type Outcome = 'archived' | 'held' | 'failed' | 'interrupted';

/** The three sets of rows that are the state of a pool at a snapshot. */
export const DATASETS = ['users', 'groups', 'memberships'] as const;
export type Dataset = (typeof DATASETS)[number];

/**
 * The sets of rows of an archive: the state, the settings of the pool if the snapshot keeps them, and what
 * changed since the snapshot before.
 */
export const ARCHIVED_DATASETS = [...DATASETS, 'settings', 'changes'] as const;
export type ArchivedDataset = (typeof ARCHIVED_DATASETS)[number];
/** Those that say how a pool was. */
export type StateDataset = Exclude<ArchivedDataset, 'changes'>;

/** Rows of each dataset. */
export type Counts = Readonly<Record<Dataset, number>>;

/** Rows of an archived snapshot. Without `settings`, it keeps none. */
export type ArchivedCounts = Counts & { readonly settings?: number | undefined };

/** The datasets that a snapshot with these rows has in its archive, without its changes. */
export function listStateDatasets({ settings }: ArchivedCounts): StateDataset[] {
  return settings === undefined ? [...DATASETS] : [...DATASETS, 'settings'];
}

/** The kinds of walk, in the order of the progress display. */
export const WALK_KINDS = ['groups', 'users', 'members'] as const;
/** What a walk reads. */
export type WalkKind = (typeof WALK_KINDS)[number];

/** A pool's archive in three values. Who keeps them can tell later if snapshots were removed. */
export interface ArchiveHead {
  /** How many snapshots the archive has. */
  readonly snapshots: number;
  /** The id of the newest. */
  readonly snapshot: string;
  /** The SHA-256 of its manifest, in lower-case hex. */
  readonly sha256: string;
}

/** Identifies a snapshot by its pool and its start in whole seconds. */
export interface SnapshotKey {
  readonly poolId: string;
  readonly snapshotAt: Date;
}

/** Formats a snapshot's id: its `snapshot_at` as `YYYYMMDDTHHMMSSZ`. */
export function snapshotId(snapshotAt: Date): string {
  return `${snapshotAt.toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
}

/** Parses a snapshot's id. Returns null for any other text. */
export function parseSnapshotId(id: string): Date | null {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(id);
  if (!match) return null;
  const [, year, month, day, hour, minute, second] = match;
  const date = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`);
  return !Number.isNaN(date.getTime()) && snapshotId(date) === id ? date : null;
}

/** The hours that a run may take, until its snapshot counts as late. */
export const GRACE_HOURS = 2;

/** How old the mirror of a pool without a schedule may be, in hours: a night's, with time for the run. */
export const DEFAULT_MAX_AGE_HOURS = 24 + GRACE_HOURS;
