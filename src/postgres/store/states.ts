import type { SnapshotState } from '../../model/snapshot.ts';

/** One way in which a snapshot changes its state. */
export interface Transition {
  /** The states that it starts from; empty if it creates the snapshot. */
  readonly from: readonly SnapshotState[];
  /** Null if it deletes the snapshot. */
  readonly to: SnapshotState | null;
  /** Who may make it. */
  readonly actor: string;
  /** What must hold. */
  readonly condition: string;
}

/**
 * All transitions of a snapshot. `transitions.ts` makes them and takes their `from` states from
 * here; docs/DESIGN.md ("Snapshot states") shows the same table, and a test compares the two.
 */
export const TRANSITIONS = {
  begin: {
    from: [],
    to: 'walking',
    actor: 'a runner that starts a run',
    condition: 'the pool has no walking snapshot',
  },
  expire: {
    from: ['walking'],
    to: 'failed',
    actor: 'a runner that starts a run',
    condition: 'it began over 24 hours ago, or the privacy rules changed',
  },
  replace: {
    from: ['held'],
    to: 'discarded',
    actor: 'a runner that starts a run',
    condition: 'nothing else: a newer reading replaces it',
  },
  fail: {
    from: ['walking'],
    to: 'failed',
    actor: 'the holder of the lease',
    condition: 'it can never be completed, for example because its pool was deleted',
  },
  hold: {
    from: ['walking'],
    to: 'held',
    actor: 'the holder of the lease',
    condition: 'every walk is done, and the check found a reason',
  },
  publish: {
    from: ['walking'],
    to: 'published',
    actor: 'the holder of the lease',
    condition: 'every walk is done, the check passed, and no later snapshot is published',
  },
  release: {
    from: ['held'],
    to: 'published',
    actor: 'a person (`release`)',
    condition:
      'no later snapshot is published, its rows have not drifted, and the privacy rules are the same',
  },
  discard: {
    from: ['walking', 'held'],
    to: 'discarded',
    actor: 'a person (`discard`)',
    condition: 'nothing else: its runner loses the lease',
  },
  archive: {
    from: ['published'],
    to: 'archived',
    actor: 'the holder of the lease',
    condition: 'the manifest is written, from rows that had not drifted just before it was sealed',
  },
  abandonArchive: {
    from: ['published'],
    to: 'published',
    actor: 'the holder of the lease, or of that of a later snapshot',
    condition: 'a version of its rows is lost: it stays published and is never archived',
  },
  compare: {
    from: [],
    to: 'comparing',
    actor: 'a process that runs `diff … now`',
    condition: "it has the pool's lock; other snapshots of the pool stay as they are",
  },
  endComparison: {
    from: ['comparing'],
    to: null,
    actor: 'that process; a runner that starts later, if the process is gone',
    condition: 'nothing else: its row is deleted, and its stage is dropped',
  },
} as const satisfies Record<string, Transition>;

/** States of a snapshot whose walks are read and checked. */
export const READING_STATES = ['walking', 'comparing'] as const;

/** States of a snapshot that still needs its stage, as a list for SQL. */
export const OPEN_STATES = "('walking', 'comparing', 'held')";

/** States of a snapshot that readers have seen, as a list for SQL. */
export const PUBLISHED_STATES = "('published', 'archived')";

/** States of a snapshot that a later run works on without a person, as a list for SQL. */
export const UNFINISHED_STATES = "('walking', 'published')";

/** A walking snapshot that began longer ago is not resumed by a new run: its pages are too far apart. */
export const EXPIRES_AFTER_HOURS = 24;

/** An expired snapshot that a request still works on is abandoned after this long without a page. */
export const ABANDONED_AFTER_HOURS = 1;

/** A published snapshot that began longer ago does not replace a new snapshot: it is archived with it. */
export const UNFINISHED_ARCHIVE_HOURS = 12;
