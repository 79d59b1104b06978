import type { Queryable } from '../connection.ts';

/**
 * The ids of the pools whose mirrors are to be recent: those that were mirrored, are scheduled, or
 * were listed by COGNITO_POOLS=all. An attempt alone does not count, as its id may be mistyped.
 */
export const EXPECTED_POOLS = `SELECT pool_id FROM directory.pools
  UNION SELECT pool_id FROM directory.snapshots
  UNION SELECT pool_id FROM mirror.schedules
  UNION SELECT pool_id FROM mirror.pools WHERE listed_at IS NOT NULL`;

/** These pools, by id. */
export async function expectedPools(db: Queryable): Promise<string[]> {
  const found = await db.query<{ poolId: string }>(
    `SELECT pool_id AS "poolId" FROM (${EXPECTED_POOLS}) AS expected ORDER BY pool_id`,
  );
  return found.rows.map(({ poolId }) => poolId);
}
