import type { ArchiveSummary } from '../../model/archive-summary.ts';
import type { Queryable } from '../connection.ts';
import { readStageWalks, type SnapshotWalks } from '../store/snapshot-walks.ts';
import { SNAPSHOT_COLUMNS, type SnapshotRow } from '../store/snapshots.ts';
import { PUBLISHED_STATES } from '../store/states.ts';

/** The run of a snapshot, as far as its page shows it. */
export interface RunRecord {
  /** The number in the names of its stage's tables. */
  readonly stage: number;
  /** How often a runner took it: once if nothing interrupted it. */
  readonly leases: number;
  /** The published snapshot that it was compared with; null for a pool's first. */
  readonly comparedWith: Date | null;
  readonly destination: string | null;
  /** True if it can never be archived. */
  readonly archiveLost: boolean;
  /** True if locks that its manifest promises were not all made yet. */
  readonly needsLocks: boolean;
  /** Null before it is archived, and of snapshots of an earlier version. */
  readonly archive: ArchiveSummary | null;
}

/** A snapshot of a pool by its id, and its run; null if there is none. */
export async function findSnapshotByName(
  db: Queryable,
  poolId: string,
  snapshot: string,
): Promise<{ readonly row: SnapshotRow; readonly run: RunRecord | null } | null> {
  const rows = await db.query<SnapshotRow>(
    `SELECT ${SNAPSHOT_COLUMNS} FROM directory.snapshots
     WHERE pool_id = $1 AND snapshot = $2 AND state <> 'comparing'`,
    [poolId, snapshot],
  );
  const row = rows.rows[0];
  if (row === undefined) return null;
  const runs = await db.query<RunRecord>(
    `SELECT stage, lease_number AS leases, compared_with AS "comparedWith", destination,
       archive_lost AS "archiveLost", needs_locks AS "needsLocks", archive
     FROM mirror.runs WHERE pool_id = $1 AND snapshot_at = $2`,
    [poolId, row.snapshotAt],
  );
  return { row, run: runs.rows[0] ?? null };
}

/** How the walks of a snapshot went: as recorded, or as they are now; null if neither is known. */
export async function findWalks(
  db: Queryable,
  { poolId, snapshotAt, state }: SnapshotRow,
  run: RunRecord | null,
): Promise<SnapshotWalks | null> {
  if (run !== null && state === 'walking') {
    const now = await readStageWalks(db, run.stage);
    if (now !== null && now.total > 0) return now;
  }
  const kept = await db.query<SnapshotWalks>(
    'SELECT walks, total FROM mirror.snapshot_walks WHERE pool_id = $1 AND snapshot_at = $2',
    [poolId, snapshotAt],
  );
  return kept.rows[0] ?? null;
}

/** The ids of the published snapshots before and after a snapshot; null if there is none. */
export interface Neighbours {
  readonly before: string | null;
  readonly after: string | null;
}

export async function findNeighbours(
  db: Queryable,
  { poolId, snapshotAt }: SnapshotRow,
): Promise<Neighbours> {
  const nearest = (sign: string, order: string) =>
    `(SELECT snapshot FROM directory.snapshots WHERE pool_id = $1 AND snapshot_at ${sign} $2
      AND state IN ${PUBLISHED_STATES} ORDER BY snapshot_at ${order} LIMIT 1)`;
  const found = await db.query<Neighbours>(
    `SELECT ${nearest('<', 'DESC')} AS before, ${nearest('>', 'ASC')} AS after`,
    [poolId, snapshotAt],
  );
  return found.rows[0] ?? { before: null, after: null };
}

/** What workers found when they verified the archive of a pool. */
export interface ArchiveVerification {
  readonly subset: number | null;
  readonly subsets: number;
  /** Every object that was archived before this time was read after it; null: not all were. */
  readonly coveredSince: Date | null;
  readonly endedAt: Date | null;
  /** Findings in objects of this snapshot; at most as many as are recorded. */
  readonly foundKeys: readonly string[];
  readonly problem: string | null;
}

/** The verification of the destination that holds the snapshot's archive; null: workers never did. */
export async function findVerification(
  db: Queryable,
  { poolId, snapshot }: SnapshotRow,
  destination: string,
): Promise<ArchiveVerification | null> {
  const found = await db.query<ArchiveVerification>(
    `SELECT subset, cardinality(began_at) AS subsets, covered_since AS "coveredSince",
       ended_at AS "endedAt", problem, ARRAY(
         SELECT key FROM unnest(found_keys) AS key WHERE position($3 IN key) > 0 ORDER BY key
       ) AS "foundKeys"
     FROM mirror.verifications WHERE pool_id = $1 AND destination = $2`,
    [poolId, destination, snapshot],
  );
  return found.rows[0] ?? null;
}
