import type pg from 'pg';
import { rowCount, transaction } from '../connection.ts';

const TABLES = ['user_history', 'group_history', 'membership_history', 'pool_setting_history'];

/**
 * Deletes versions that ended more than `days` days ago, and records how far back the history of the
 * pool reaches. The state of the newest archived snapshot and all that follows is kept: the archive of
 * the next one has its rows and the changes between the two. Before a pool's first archive, everything is.
 */
export async function pruneHistory(
  pool: pg.Pool,
  poolId: string,
  days: number,
  signal: AbortSignal,
): Promise<void> {
  const prune = async (client: pg.PoolClient) => {
    const found = await client.query<{ horizon: Date }>(
      `SELECT least(clock_timestamp() - make_interval(days => $2),
         coalesce(max(snapshot_at) FILTER (WHERE state = 'archived'), min(snapshot_at))) AS horizon
       FROM directory.snapshots WHERE pool_id = $1`,
      [poolId, days],
    );
    const horizon = found.rows[0]?.horizon;
    let deleted = 0;
    for (const table of TABLES) {
      const versions = await client.query(
        `DELETE FROM directory.${table} WHERE pool_id = $1 AND valid_to <= $2`,
        [poolId, horizon],
      );
      deleted += rowCount(versions);
    }
    if (deleted === 0) return;
    await client.query(
      `INSERT INTO mirror.history_floors AS f (pool_id, retained_from) VALUES ($1, $2)
       ON CONFLICT (pool_id) DO UPDATE
         SET retained_from = greatest(f.retained_from, excluded.retained_from)`,
      [poolId, horizon],
    );
  };
  await transaction(pool, prune, signal);
}
