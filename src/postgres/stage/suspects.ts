import type { Queryable } from '../connection.ts';
import { missingUsers } from '../drift.ts';
import type { Run } from '../run.ts';
import { stageTables } from '../stage-tables.ts';

/** A published user that no walk saw: perhaps removed, perhaps lost by a walk. */
export interface Suspect {
  readonly username: string;
  readonly sub: string | null;
  /** True where something else deleted the row: its `sub` is not known. */
  readonly missing: boolean;
}

/**
 * Published users of the pool that the snapshot does not have: how many, and `limit` of them by hash.
 * Rows that no publication wrote are none.
 */
export async function suspects(
  db: Queryable,
  run: Run,
  limit: number,
): Promise<{ count: number; chosen: Suspect[] }> {
  const t = stageTables(run.stage);
  const found = await db.query<Suspect & { count: number }>(
    `SELECT p.username, p.sub, p.missing, count(*) OVER () AS count
     FROM (
       SELECT c.username, c.sub, false AS missing FROM directory.users AS c
       WHERE c.pool_id = $1 AND NOT EXISTS (
         SELECT FROM mirror.user_hashes AS h
         WHERE h.pool_id = $1 AND h.username = c.username AND h.stale AND h.hash IS NULL
       )
       UNION ALL
       SELECT h.username, NULL, true FROM ${missingUsers('h')}
     ) AS p
     WHERE NOT EXISTS (SELECT FROM ${t.users} AS u WHERE u.username = p.username)
     ORDER BY hashtextextended(p.username, 0), p.username LIMIT $2`,
    [run.poolId, limit],
  );
  return {
    count: found.rows[0]?.count ?? 0,
    chosen: found.rows.map(({ username, sub, missing }) => ({ username, sub, missing })),
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
