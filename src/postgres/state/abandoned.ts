import type { Queryable } from '../connection.ts';
import { stageTables } from '../stage-tables.ts';

/**
 * True where a walking snapshot began over 24 hours ago, and nobody has read a page of it for an
 * hour although there are pages to read: what it would say is too far apart in time.
 */
export async function isAbandoned(
  db: Queryable,
  poolId: string,
  snapshotAt: Date,
): Promise<boolean> {
  const found = await db.query<{ stage: number }>(
    `SELECT r.stage FROM mirror.runs AS r
     JOIN directory.snapshots AS s USING (pool_id, snapshot_at)
     WHERE r.pool_id = $1 AND r.snapshot_at = $2 AND s.state = 'walking'
       AND s.snapshot_at < clock_timestamp() - interval '24 hours'`,
    [poolId, snapshotAt],
  );
  const old = found.rows[0];
  if (old === undefined) return false;
  const read = await db.query<{ abandoned: boolean }>(
    `SELECT (count(*) = 0 OR count(*) FILTER (WHERE state = 'open') > 0)
       AND coalesce(max(token_at) < clock_timestamp() - interval '1 hour', true) AS abandoned
     FROM ${stageTables(old.stage).walks}`,
  );
  return read.rows[0]?.abandoned ?? false;
}
