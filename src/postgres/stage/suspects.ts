import type { Queryable } from '../connection.ts';
import type { Run } from '../run.ts';
import { stageTables } from '../stage-tables.ts';

/** A current user that no walk saw: perhaps removed, perhaps lost by a walk. */
export interface Suspect {
  readonly username: string;
  readonly sub: string | null;
}

/** Current users of the pool that the snapshot does not have: how many, and `limit` of them by hash. */
export async function suspects(
  db: Queryable,
  run: Run,
  limit: number,
): Promise<{ count: number; chosen: Suspect[] }> {
  const t = stageTables(run.stage);
  const found = await db.query<Suspect & { count: number }>(
    `SELECT c.username, c.sub, count(*) OVER () AS count FROM directory.users AS c
     WHERE c.pool_id = $1
       AND NOT EXISTS (SELECT FROM ${t.users} AS u WHERE u.username = c.username)
     ORDER BY hashtextextended(c.username, 0), c.username LIMIT $2`,
    [run.poolId, limit],
  );
  return {
    count: found.rows[0]?.count ?? 0,
    chosen: found.rows.map(({ username, sub }) => ({ username, sub })),
  };
}

/** Notes suspects that AdminGetUser found alive: they keep their rows and memberships. */
export async function keepAlive(
  db: Queryable,
  run: Run,
  usernames: readonly string[],
): Promise<void> {
  const t = stageTables(run.stage);
  await db.query(`INSERT INTO ${t.alive} SELECT * FROM unnest($1::text[]) ON CONFLICT DO NOTHING`, [
    usernames,
  ]);
}
