import type { User } from '../../model/directory.ts';
import { type Queryable, rowCount } from '../connection.ts';
import { listColumns, listedColumns } from './columns.ts';
import { selectDeletedRows } from './drift.ts';
import type { SnapshotLease } from './leases.ts';
import { stageTables } from './stage.ts';
import { formatUser, STAGED_USER, toUser, type UserColumns } from './staged-rows.ts';
import { WALK_COLUMNS, type Walk } from './walks.ts';

/*
 * What a check has to confirm with the service by name: missing groups, missing users, orphan
 * memberships, and users whose row drifted. Each part finds them, and records the result in the stage.
 */

/** The walks over the members of groups that the service did not find. */
export async function findMissingGroups(db: Queryable, lease: SnapshotLease): Promise<Walk[]> {
  const t = stageTables(lease.stage);
  const found = await db.query<Walk>(
    `SELECT ${WALK_COLUMNS} FROM ${t.walks} AS w
     WHERE w.kind = 'members' AND w.state = 'dropped' ORDER BY w.id`,
  );
  return found.rows;
}

/** A published user that no walk returned: either deleted, or lost by a walk. */
interface MissingUser {
  readonly username: string;
  readonly sub: string | null;
  /** True if something else deleted the row: its `sub` is unknown. */
  readonly rowDeleted: boolean;
}

/**
 * The published users of the pool that the stage lacks: how many, and `limit` of them chosen by hash.
 * Rows that cognito-mirror did not write are left out.
 */
export async function findMissingUsers(
  db: Queryable,
  lease: SnapshotLease,
  limit: number,
): Promise<{ count: number; chosen: MissingUser[] }> {
  const t = stageTables(lease.stage);
  const found = await db.query<MissingUser & { count: number }>(
    `SELECT p.username, p.sub, p."rowDeleted", count(*) OVER () AS count
     FROM (
       SELECT c.username, c.sub, false AS "rowDeleted" FROM directory.users AS c
       WHERE c.pool_id = $1 AND NOT EXISTS (
         SELECT FROM mirror.user_hashes AS h
         WHERE h.pool_id = $1 AND h.username = c.username AND h.stale AND h.hash IS NULL
       )
       UNION ALL
       SELECT h.username, NULL, true FROM ${selectDeletedRows('h')}
     ) AS p
     WHERE NOT EXISTS (SELECT FROM ${t.users} AS u WHERE u.username = p.username)
     ORDER BY hashtextextended(p.username, 0), p.username LIMIT $2`,
    [lease.poolId, limit],
  );
  return {
    count: found.rows[0]?.count ?? 0,
    chosen: found.rows.map(({ username, sub, rowDeleted }) => ({ username, sub, rowDeleted })),
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

/**
 * Stages kept users again if their rows show what the rules hide by now. The service did not list them,
 * so their content comes from their rows.
 */
export async function restageKeptUsers(
  db: Queryable,
  lease: SnapshotLease,
  usernames: readonly string[],
  hide: (user: User) => User,
): Promise<void> {
  const t = stageTables(lease.stage);
  const columns = listedColumns('users');
  const kept = await db.query<UserColumns>(
    `SELECT ${listColumns(columns)} FROM directory.users
     WHERE pool_id = $1 AND username = ANY ($2)`,
    [lease.poolId, usernames],
  );
  const rows = kept.rows.flatMap((row) => {
    const user = toUser(row);
    const hidden = formatUser(0, hide(user));
    return hidden === formatUser(0, user) ? [] : [hidden];
  });
  await db.query(
    `INSERT INTO ${t.users} (walk, attempt, read_at, hash, ${listColumns(columns)})
     SELECT 0, 0, clock_timestamp(), u.hash, ${listColumns(columns, 'u')}
     FROM jsonb_to_recordset($1) AS u (${STAGED_USER})`,
    [`[${rows.join(',')}]`],
  );
}

/** A member of a group that no walk over users returned. */
interface OrphanMembership {
  readonly username: string;
  readonly sub: string | null;
}

/**
 * Members that no walk over users returned, at most `limit`, chosen by hash. They are older users,
 * because a recently created or modified profile is staged from the page of members itself. Either they
 * were deleted while the walks ran, or a walk lost them.
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
 * Drops memberships of persons that the stage does not have: they were deleted, or another person has
 * the name now.
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
 * Adds content to users that were staged without it, because their rows drifted later. Users that do
 * not exist any more are removed from the stage.
 *
 * @param found each user with the profile that has the name now, or null.
 */
export async function restageUsers(
  db: Queryable,
  lease: SnapshotLease,
  found: readonly { asked: { username: string }; user: User | null }[],
): Promise<void> {
  const t = stageTables(lease.stage);
  const gone = found.flatMap(({ asked, user }) => (user === null ? [asked.username] : []));
  await db.query(`DELETE FROM ${t.users} WHERE username = ANY ($1)`, [gone]);
  const rows = found.flatMap(({ user }) => (user === null ? [] : [formatUser(0, user)]));
  const assignments = listedColumns('users').map(({ name }) => `${name} = u.${name}`);
  await db.query(
    `UPDATE ${t.users} AS s SET hash = u.hash, ${assignments.join(', ')}
     FROM jsonb_to_recordset($1) AS u (${STAGED_USER})
     WHERE s.username = u.username`,
    [`[${rows.join(',')}]`],
  );
}
