import type { Queryable } from '../connection.ts';
import type { SnapshotLease } from './leases.ts';

/**
 * Records how many users of each status the published snapshot has, in the transaction that publishes it.
 * It adds what changed to the counts of the snapshot before. If these are unknown, or the sum is not the
 * number of rows, it counts the users.
 */
export async function saveStatusCounts(
  db: Queryable,
  { poolId, snapshotAt, comparedWith }: SnapshotLease,
): Promise<void> {
  const key = [poolId, snapshotAt];
  if (comparedWith !== null) {
    await db.query(
      `INSERT INTO mirror.status_counts (pool_id, snapshot_at, status, enabled, users)
       SELECT $1, $2, status, enabled, sum(users) FROM (
         SELECT status, enabled, users FROM mirror.status_counts
         WHERE pool_id = $1 AND snapshot_at = $3
         UNION ALL
         SELECT status, enabled, count(*) FROM directory.users
         WHERE pool_id = $1 AND valid_from = $2 GROUP BY status, enabled
         UNION ALL
         SELECT status, enabled, -count(*) FROM directory.user_history
         WHERE pool_id = $1 AND valid_to = $2 GROUP BY status, enabled
       ) AS parts
       GROUP BY status, enabled HAVING sum(users) <> 0`,
      [...key, comparedWith],
    );
    if (await isComplete(db, key)) return;
    await db.query('DELETE FROM mirror.status_counts WHERE pool_id = $1 AND snapshot_at = $2', key);
  }
  await db.query(
    `INSERT INTO mirror.status_counts (pool_id, snapshot_at, status, enabled, users)
     SELECT $1, $2, status, enabled, count(*) FROM directory.users
     WHERE pool_id = $1 GROUP BY status, enabled`,
    key,
  );
}

/** True if the counts are those of all rows that the publication left. */
async function isComplete(db: Queryable, key: readonly unknown[]): Promise<boolean> {
  const found = await db.query<{ complete: boolean }>(
    `SELECT r.published_users = coalesce((
       SELECT sum(c.users) FROM mirror.status_counts AS c
       WHERE c.pool_id = r.pool_id AND c.snapshot_at = r.snapshot_at
     ), 0) AND NOT EXISTS (
       SELECT FROM mirror.status_counts AS c
       WHERE c.pool_id = r.pool_id AND c.snapshot_at = r.snapshot_at AND c.users < 0
     ) AS complete
     FROM mirror.runs AS r WHERE r.pool_id = $1 AND r.snapshot_at = $2`,
    [...key],
  );
  return found.rows[0]?.complete ?? false;
}
