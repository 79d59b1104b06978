import type pg from 'pg';
import { ResumableError } from '../../model/errors.ts';
import { snapshotId } from '../../model/snapshot.ts';
import type { Queryable } from '../connection.ts';
import { detectDrift } from './drift.ts';
import { type SnapshotLease, withLease } from './leases.ts';

/** The newest snapshot of the pool that was archived to a destination, by what Postgres knows. */
export async function findLastArchived(
  db: Queryable,
  poolId: string,
  destination: string,
): Promise<{ snapshot: string; sha256: string } | null> {
  const found = await db.query<{ snapshot: string; sha256: string }>(
    `SELECT s.snapshot, s.manifest_sha256 AS sha256
     FROM directory.snapshots AS s JOIN mirror.snapshot_leases AS r USING (pool_id, snapshot_at)
     WHERE s.pool_id = $1 AND s.state = 'archived' AND r.destination = $2
     ORDER BY s.snapshot_at DESC LIMIT 1`,
    [poolId, destination],
  );
  return found.rows[0] ?? null;
}

/**
 * Requires that the rows which were read for a snapshot's archive are those that it published.
 *
 * @throws FencedError where another runner archives the snapshot by now.
 * @throws ResumableError where something else changed rows of `directory.users`.
 */
export async function assertStillOwner(pool: pg.Pool, lease: SnapshotLease): Promise<void> {
  const { poolId } = lease;
  const { intact } = await withLease(pool, lease, ['published'], async (client) =>
    detectDrift(client, poolId, await newestPublished(client, poolId)),
  );
  if (intact) return;
  throw new ResumableError(
    `Rows of directory.users of ${poolId} were changed by something other than cognito-mirror, so snapshot ${snapshotId(lease.snapshotAt)} was not archived. Run it again: the next snapshot repairs the rows, then both are archived.`,
  );
}

/** Records that a snapshot can never be archived, and why. */
export async function giveUpArchive(
  pool: pg.Pool,
  lease: SnapshotLease,
  reason: string,
): Promise<void> {
  await withLease(pool, lease, ['published'], async (client) => {
    await client.query(
      `WITH lost AS (
         UPDATE mirror.snapshot_leases SET archive_lost = true WHERE pool_id = $1 AND snapshot_at = $2
       )
       UPDATE directory.snapshots SET reason = $3 WHERE pool_id = $1 AND snapshot_at = $2`,
      [lease.poolId, lease.snapshotAt, reason],
    );
  });
}

/** The pool's newest published snapshot, where it can never be archived: its id, and why. */
export async function findLostArchive(
  db: Queryable,
  poolId: string,
): Promise<{ snapshot: string; reason: string } | null> {
  const found = await db.query<{ snapshot: string; reason: string }>(
    `SELECT s.snapshot, s.reason
     FROM directory.snapshots AS s JOIN mirror.snapshot_leases AS r USING (pool_id, snapshot_at)
     WHERE s.pool_id = $1 AND s.state = 'published' AND r.archive_lost AND NOT EXISTS (
       SELECT FROM directory.snapshots AS later
       WHERE later.pool_id = s.pool_id AND later.snapshot_at > s.snapshot_at
         AND later.state IN ('published', 'archived')
     )`,
    [poolId],
  );
  return found.rows[0] ?? null;
}

async function newestPublished(db: Queryable, poolId: string): Promise<Date | null> {
  const found = await db.query<{ at: Date | null }>(
    `SELECT max(snapshot_at) AS at FROM directory.snapshots
     WHERE pool_id = $1 AND state IN ('published', 'archived')`,
    [poolId],
  );
  return found.rows[0]?.at ?? null;
}

/** Notes the sealed archive of a snapshot. */
export async function markArchived(
  pool: pg.Pool,
  lease: SnapshotLease,
  archive: { destination: string; manifest: string; sha256: string },
): Promise<void> {
  await withLease(pool, lease, ['published'], async (client) => {
    await client.query(
      `UPDATE mirror.snapshot_leases SET destination = $3 WHERE pool_id = $1 AND snapshot_at = $2`,
      [lease.poolId, lease.snapshotAt, archive.destination],
    );
    await client.query(
      `UPDATE directory.snapshots SET state = 'archived', archived_at = clock_timestamp(),
         reason = NULL, manifest = $3, manifest_sha256 = $4
       WHERE pool_id = $1 AND snapshot_at = $2`,
      [lease.poolId, lease.snapshotAt, archive.manifest, archive.sha256],
    );
  });
}

/**
 * The id of the pool's next snapshot to archive: the oldest that is not archived yet, or else the one
 * that would begin now.
 */
export async function findNextToArchive(db: Queryable, poolId: string): Promise<string> {
  const found = await db.query<{ snapshotAt: Date }>(
    `SELECT coalesce(
       min(snapshot_at) FILTER (WHERE state IN ('walking', 'published') AND r.archive_lost IS NOT true),
       greatest(date_trunc('second', clock_timestamp()), max(snapshot_at) + interval '1 second')
     ) AS "snapshotAt"
     FROM directory.snapshots LEFT JOIN mirror.snapshot_leases AS r USING (pool_id, snapshot_at)
     WHERE pool_id = $1`,
    [poolId],
  );
  return snapshotId((found.rows[0] as { snapshotAt: Date }).snapshotAt);
}
