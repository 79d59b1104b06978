import type pg from 'pg';
import { type Queryable, transaction } from '../connection.ts';

/**
 * Drops closed versions that ended more than `days` days ago, and notes how far back the history
 * of the pool still goes. What a snapshot that is still to be archived needs is kept.
 */
export async function pruneHistory(
  pool: pg.Pool,
  poolId: string,
  days: number,
  signal: AbortSignal,
): Promise<void> {
  const prune = async (client: pg.PoolClient) => {
    const horizon = await client.query<{ horizon: Date }>(
      `SELECT least(clock_timestamp() - make_interval(days => $2),
         min(snapshot_at) FILTER (WHERE state = 'published' AND r.archive_lost IS NOT true)) AS horizon
       FROM directory.snapshots LEFT JOIN mirror.snapshot_leases AS r USING (pool_id, snapshot_at)
       WHERE pool_id = $1`,
      [poolId, days],
    );
    let dropped = 0;
    for (const table of ['user_history', 'group_history', 'membership_history']) {
      const gone = await client.query(
        `DELETE FROM directory.${table} WHERE pool_id = $1 AND valid_to <= $2`,
        [poolId, horizon.rows[0]?.horizon],
      );
      dropped += gone.rowCount ?? 0;
    }
    if (dropped === 0) return;
    await client.query(
      `INSERT INTO mirror.history_floors AS f (pool_id, retained_from) VALUES ($1, $2)
       ON CONFLICT (pool_id) DO UPDATE SET retained_from = greatest(f.retained_from, excluded.retained_from)`,
      [poolId, horizon.rows[0]?.horizon],
    );
  };
  await transaction(pool, prune, signal);
}

/**
 * Tells the planner what is in the tables now: by what it takes for granted of an empty one, it would
 * sort a whole pool to give it in key order. Only the columns that rows are found and ordered by;
 * autovacuum, which comes a minute later, sees to the rest.
 */
export async function analyzeKeys(db: Queryable): Promise<void> {
  await db.query(`ANALYZE directory.users (pool_id, username, valid_from),
    directory.memberships (pool_id, group_name, username, valid_from)`);
}
