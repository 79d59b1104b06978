import { type Queryable, rowCount } from '../connection.ts';
import type { Run } from '../run.ts';
import { stageTables } from '../stage-tables.ts';

/** A member of a group that no walk over users saw. */
export interface Stray {
  readonly username: string;
  readonly sub: string | null;
}

/**
 * Members that no walk over users saw, `limit` at most, chosen by hash. A profile that was created
 * or modified lately is staged from the page of members itself, so these are users of old: either
 * they were deleted while the walks ran, or a walk over users lost them.
 */
export async function strays(db: Queryable, run: Run, limit: number): Promise<Stray[]> {
  const t = stageTables(run.stage);
  const found = await db.query<Stray>(
    `SELECT username, min(sub) AS sub FROM ${t.memberships} AS m
     WHERE NOT EXISTS (SELECT FROM ${t.users} AS u WHERE u.username = m.username)
     GROUP BY username ORDER BY hashtextextended(username, 0), username LIMIT $1`,
    [limit],
  );
  return found.rows;
}

/**
 * Drops memberships whose person the snapshot does not hold: one who was deleted meanwhile, or
 * whose name another person has by now.
 *
 * @returns how many were dropped.
 */
export async function dropStrayMemberships(db: Queryable, run: Run): Promise<number> {
  const t = stageTables(run.stage);
  const dropped = await db.query(
    `DELETE FROM ${t.memberships} AS m
     WHERE NOT EXISTS (
       SELECT FROM ${t.users} AS u WHERE u.username = m.username AND u.sub IS NOT DISTINCT FROM m.sub
     )`,
  );
  return rowCount(dropped);
}
