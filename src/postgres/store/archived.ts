import type pg from 'pg';
import { ResumableError } from '../../model/errors.ts';
import { snapshotId } from '../../model/snapshot.ts';
import type { Queryable } from '../connection.ts';
import { detectDrift } from './drift.ts';
import { type SnapshotLease, withLease } from './leases.ts';
import { PUBLISHED_STATES, TRANSITIONS, UNFINISHED_STATES } from './states.ts';

/** The pool's newest snapshot that Postgres knows to be archived at a destination. */
export async function findLastArchived(
  db: Queryable,
  poolId: string,
  destination: string,
): Promise<{ snapshot: string; sha256: string } | null> {
  const found = await db.query<{ snapshot: string; sha256: string }>(
    `SELECT s.snapshot, s.manifest_sha256 AS sha256
     FROM directory.snapshots AS s JOIN mirror.runs AS r USING (pool_id, snapshot_at)
     WHERE s.pool_id = $1 AND s.state = 'archived' AND r.destination = $2
     ORDER BY s.snapshot_at DESC LIMIT 1`,
    [poolId, destination],
  );
  return found.rows[0] ?? null;
}

/**
 * Requires, before an archive is sealed, that this runner still has the lease and that the rows in
 * the archive are those that the snapshot published.
 *
 * @throws LeaseLostError if another runner archives the snapshot now.
 * @throws ResumableError if something else changed rows of `directory.users`.
 */
export async function assertStillOwner(pool: pg.Pool, lease: SnapshotLease): Promise<void> {
  const { poolId } = lease;
  const { intact } = await withLease(pool, lease, TRANSITIONS.archive.from, async (client) =>
    detectDrift(client, poolId, await findNewestPublished(client, poolId)),
  );
  if (intact) return;
  throw new ResumableError(
    `Something other than cognito-mirror changed rows of directory.users of ${poolId}, so snapshot ${snapshotId(lease.snapshotAt)} was not archived. Run it again: the next snapshot repairs the rows, then both are archived.`,
  );
}

async function findNewestPublished(db: Queryable, poolId: string): Promise<Date | null> {
  const found = await db.query<{ at: Date | null }>(
    `SELECT max(snapshot_at) AS at FROM directory.snapshots
     WHERE pool_id = $1 AND state IN ${PUBLISHED_STATES}`,
    [poolId],
  );
  return found.rows[0]?.at ?? null;
}

/** The pool's snapshots at a destination whose manifests promise locks that were not all made, oldest first. */
export async function listUnlocked(
  db: Queryable,
  poolId: string,
  destination: string,
): Promise<{ snapshot: string; sha256: string }[]> {
  const found = await db.query<{ snapshot: string; sha256: string }>(
    `SELECT s.snapshot, s.manifest_sha256 AS sha256
     FROM directory.snapshots AS s JOIN mirror.runs AS r USING (pool_id, snapshot_at)
     WHERE s.pool_id = $1 AND s.state = 'archived' AND r.needs_locks AND r.destination = $2
     ORDER BY s.snapshot_at`,
    [poolId, destination],
  );
  return found.rows;
}

/** Records that every object of a snapshot is locked as its manifest promises. */
export async function markLocked(db: Queryable, poolId: string, snapshot: string): Promise<void> {
  await db.query(
    `UPDATE mirror.runs AS r SET needs_locks = false
     FROM directory.snapshots AS s
     WHERE s.pool_id = r.pool_id AND s.snapshot_at = r.snapshot_at
       AND r.pool_id = $1 AND s.snapshot = $2`,
    [poolId, snapshot],
  );
}

/** The pool's newest published snapshot and the reason, if it can never be archived; else null. */
export async function findLostArchive(
  db: Queryable,
  poolId: string,
): Promise<{ snapshot: string; reason: string } | null> {
  const found = await db.query<{ snapshot: string; reason: string }>(
    `SELECT s.snapshot, s.reason
     FROM directory.snapshots AS s JOIN mirror.runs AS r USING (pool_id, snapshot_at)
     WHERE s.pool_id = $1 AND s.state = 'published' AND r.archive_lost AND NOT EXISTS (
       SELECT FROM directory.snapshots AS later
       WHERE later.pool_id = s.pool_id AND later.snapshot_at > s.snapshot_at
         AND later.state IN ${PUBLISHED_STATES}
     )`,
    [poolId],
  );
  return found.rows[0] ?? null;
}

/**
 * Records which archives at a destination have no objects any more, because retention removed them.
 * Those that are recorded keep their time.
 */
export async function markArchivesRemoved(
  db: Queryable,
  poolId: string,
  destination: string,
  snapshots: readonly string[],
): Promise<void> {
  await db.query(
    `UPDATE directory.snapshots AS s SET archive_removed_at = clock_timestamp()
     FROM mirror.runs AS r
     WHERE r.pool_id = s.pool_id AND r.snapshot_at = s.snapshot_at
       AND s.pool_id = $1 AND r.destination = $2 AND s.snapshot = ANY ($3)
       AND s.state = 'archived' AND s.archive_removed_at IS NULL`,
    [poolId, destination, snapshots],
  );
}

/**
 * The id of the pool's next snapshot to archive: the oldest that is not archived yet, else the one
 * that would begin now.
 */
export async function findNextToArchive(db: Queryable, poolId: string): Promise<string> {
  const found = await db.query<{ snapshotAt: Date }>(
    `SELECT coalesce(
       min(snapshot_at) FILTER (WHERE state IN ${UNFINISHED_STATES} AND r.archive_lost IS NOT true),
       greatest(date_trunc('second', clock_timestamp()), max(snapshot_at) + interval '1 second')
     ) AS "snapshotAt"
     FROM directory.snapshots LEFT JOIN mirror.runs AS r USING (pool_id, snapshot_at)
     WHERE pool_id = $1`,
    [poolId],
  );
  return snapshotId((found.rows[0] as { snapshotAt: Date }).snapshotAt);
}
