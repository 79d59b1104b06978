import type { User } from '../../model/directory.ts';
import { type Queryable, rowCount } from '../connection.ts';
import { writtenColumns } from './columns.ts';
import { findDeletedRows } from './drift.ts';
import type { SnapshotLease } from './leases.ts';
import { stageTables } from './stage.ts';
import { formatUser, STAGED_USER } from './staged-rows.ts';
import { WALK_COLUMNS, type Walk } from './walks.ts';

/** The walks over the members of groups that the service did not find. */
export async function findMissingGroups(db: Queryable, lease: SnapshotLease): Promise<Walk[]> {
  const t = stageTables(lease.stage);
  const found = await db.query<Walk>(
    `SELECT ${WALK_COLUMNS} FROM ${t.walks} AS w
     WHERE w.kind = 'members' AND w.state = 'dropped' ORDER BY w.id`,
  );
  return found.rows;
}

/** Opens such walks again, as new attempts, and returns them as they stand. */
export async function reopenWalks(
  db: Queryable,
  lease: SnapshotLease,
  ids: readonly number[],
): Promise<Walk[]> {
  const t = stageTables(lease.stage);
  await db.query(
    `UPDATE directory.snapshots SET walked_at = NULL WHERE pool_id = $1 AND snapshot_at = $2`,
    [lease.poolId, lease.snapshotAt],
  );
  const opened = await db.query<Walk>(
    `UPDATE ${t.walks} AS w SET state = 'open', attempt = w.attempt + 1, pages = 0, items = 0
     WHERE w.id = ANY ($1) AND w.state = 'dropped' RETURNING ${WALK_COLUMNS}`,
    [ids],
  );
  return opened.rows;
}

/** A published user that no walk saw: perhaps removed, perhaps lost by a walk. */
export interface MissingUser {
  readonly username: string;
  readonly sub: string | null;
  /** True where something else deleted the row: its `sub` is not known. */
  readonly missing: boolean;
}

/**
 * Published users of the pool that the snapshot does not have: how many, and `limit` of them by hash.
 * Rows that no publication wrote are none.
 */
export async function findMissingUsers(
  db: Queryable,
  lease: SnapshotLease,
  limit: number,
): Promise<{ count: number; chosen: MissingUser[] }> {
  const t = stageTables(lease.stage);
  const found = await db.query<MissingUser & { count: number }>(
    `SELECT p.username, p.sub, p.missing, count(*) OVER () AS count
     FROM (
       SELECT c.username, c.sub, false AS missing FROM directory.users AS c
       WHERE c.pool_id = $1 AND NOT EXISTS (
         SELECT FROM mirror.user_hashes AS h
         WHERE h.pool_id = $1 AND h.username = c.username AND h.stale AND h.hash IS NULL
       )
       UNION ALL
       SELECT h.username, NULL, true FROM ${findDeletedRows('h')}
     ) AS p
     WHERE NOT EXISTS (SELECT FROM ${t.users} AS u WHERE u.username = p.username)
     ORDER BY hashtextextended(p.username, 0), p.username LIMIT $2`,
    [lease.poolId, limit],
  );
  return {
    count: found.rows[0]?.count ?? 0,
    chosen: found.rows.map(({ username, sub, missing }) => ({ username, sub, missing })),
  };
}

/** Records missing users that AdminGetUser found: they keep their rows and memberships. */
export async function keepConfirmedUsers(
  db: Queryable,
  lease: SnapshotLease,
  usernames: readonly string[],
): Promise<void> {
  const t = stageTables(lease.stage);
  await db.query(
    `INSERT INTO ${t.confirmed} SELECT * FROM unnest($1::text[]) ON CONFLICT DO NOTHING`,
    [usernames],
  );
}

/** A member of a group that no walk over users saw. */
export interface OrphanMembership {
  readonly username: string;
  readonly sub: string | null;
}

/**
 * Members that no walk over users saw, `limit` at most, chosen by hash. A profile that was created
 * or modified lately is staged from the page of members itself, so these are users of old: either
 * they were deleted while the walks ran, or a walk over users lost them.
 */
export async function findOrphans(
  db: Queryable,
  lease: SnapshotLease,
  limit: number,
): Promise<OrphanMembership[]> {
  const t = stageTables(lease.stage);
  const found = await db.query<OrphanMembership>(
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
export async function dropOrphans(db: Queryable, lease: SnapshotLease): Promise<number> {
  const t = stageTables(lease.stage);
  const dropped = await db.query(
    `DELETE FROM ${t.memberships} AS m
     WHERE NOT EXISTS (
       SELECT FROM ${t.users} AS u WHERE u.username = m.username AND u.sub IS NOT DISTINCT FROM m.sub
     )`,
  );
  return rowCount(dropped);
}

/**
 * Gives staged users their content, where they had been staged without it. One who is gone by now is
 * taken out of the stage.
 *
 * @param found each user, and the profile that has the name now; null where none has.
 */
export async function restageUsers(
  db: Queryable,
  lease: SnapshotLease,
  found: readonly { person: { username: string }; user: User | null }[],
): Promise<void> {
  const t = stageTables(lease.stage);
  const gone = found.flatMap(({ person, user }) => (user === null ? [person.username] : []));
  await db.query(`DELETE FROM ${t.users} WHERE username = ANY ($1)`, [gone]);
  const rows = found.flatMap(({ user }) => (user === null ? [] : [formatUser(0, user)]));
  const assignments = writtenColumns('users')
    .map(({ name }) => `${name} = u.${name}`)
    .join(', ');
  await db.query(
    `UPDATE ${t.users} AS s SET hash = u.hash, ${assignments}
     FROM jsonb_to_recordset($1) AS u (${STAGED_USER})
     WHERE s.username = u.username`,
    [`[${rows.join(',')}]`],
  );
}
