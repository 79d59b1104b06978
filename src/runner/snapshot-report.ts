import type { SnapshotState } from '../model/snapshot.ts';
import type { SnapshotRow } from '../postgres/state/snapshots.ts';

/** What the row of a snapshot tells of it, where there is one. */
type Told = Pick<
  SnapshotRow,
  | 'users'
  | 'groups'
  | 'memberships'
  | 'added'
  | 'modified'
  | 'removed'
  | 'repaired'
  | 'apiCalls'
  | 'throttled'
  | 'retries'
>;

/** What one run made of a pool's snapshot: the form of `sync --json`. */
export interface SnapshotReport extends Told {
  readonly poolId: string;
  /** The snapshot's id; null where the run failed before one was begun. */
  readonly snapshot: string | null;
  readonly state: SnapshotState | null;
  readonly reason: string | null;
  /** How long the run took. */
  readonly seconds: number;
  readonly archive: { manifest: string; objects: number; bytes: number } | null;
}

/** A report of a snapshot as it stands in Postgres, or of a run that came to none. */
export function reportOf(
  poolId: string,
  row: SnapshotRow | null,
  run: Pick<SnapshotReport, 'seconds' | 'archive'> & { reason: string | null },
): SnapshotReport {
  return {
    poolId,
    snapshot: row?.snapshot ?? null,
    state: row?.state ?? null,
    reason: run.reason ?? row?.reason ?? null,
    users: row?.users ?? null,
    groups: row?.groups ?? null,
    memberships: row?.memberships ?? null,
    added: row?.added ?? null,
    modified: row?.modified ?? null,
    removed: row?.removed ?? null,
    repaired: row?.repaired ?? null,
    apiCalls: row?.apiCalls ?? 0,
    throttled: row?.throttled ?? 0,
    retries: row?.retries ?? 0,
    seconds: run.seconds,
    archive: run.archive && {
      manifest: run.archive.manifest,
      objects: run.archive.objects,
      bytes: run.archive.bytes,
    },
  };
}
