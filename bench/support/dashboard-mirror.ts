import { createHash } from 'node:crypto';
import type pg from 'pg';
import { createStage, stageTables } from '../../src/postgres/store/stage.ts';
import { SUB, selectAttributes } from './user-sql.ts';

/** How large the mirror behind the pages is. */
export interface MirrorSize {
  /** All of them in the first pool. */
  readonly users: number;
  readonly pools: number;
  /** Published snapshots of each pool, one a night. */
  readonly nights: number;
}

/** The pool that has the users. */
export const LARGE_POOL = 'us-east-1_Bench1';
/** The group that has all users. */
export const LARGE_GROUP = 'everyone';

const GROUPS = 200;
/** One of so many users changed last night. */
const CHANGED = 50;
/** One of so many users would be removed by the held snapshot. */
const HELD = 20;

/** The user with this number, from 1. */
export const username = (n: number) => `user-${n}`;
export const email = (n: number) => `user.${n}@example.com`;
export const subOf = (n: number) =>
  createHash('md5')
    .update(String(n))
    .digest('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');

/** The times of a night: the first and the last one of the history. */
interface Nights {
  readonly first: Date;
  readonly newest: Date;
}

/**
 * Fills an empty database with rows as publications leave them: pools with a snapshot each night, and in
 * the first one users, groups and memberships of which some changed last night, and a held snapshot.
 *
 * @returns when the newest published snapshot and the held one began
 */
export async function fillMirror(
  db: pg.Pool,
  size: MirrorSize,
): Promise<{ readonly newest: Date; readonly held: Date }> {
  const nights = await addSnapshots(db, size);
  await addUsers(db, size, nights);
  await addMemberships(db, size, nights);
  const held = await addHeld(db, size, nights);
  await db.query('VACUUM (ANALYZE)');
  return { newest: nights.newest, held };
}

const ID = (at: string) => `to_char(${at} AT TIME ZONE 'UTC', 'YYYYMMDD"T"HH24MISS"Z"')`;

async function addSnapshots(db: pg.Pool, { users, pools, nights }: MirrorSize): Promise<Nights> {
  await db.query(
    `INSERT INTO directory.pools (pool_id, name, arn, account_id, region, estimated_users,
       custom_attributes, seen_at)
     SELECT 'us-east-1_Bench' || p, 'Pool ' || p,
       'arn:aws:cognito-idp:us-east-1:111122223333:userpool/us-east-1_Bench' || p, '111122223333',
       'us-east-1', $2, '{custom:team}', now()
     FROM generate_series(1, $1) AS p`,
    [pools, users],
  );
  await db.query(
    `INSERT INTO directory.snapshots (pool_id, snapshot, snapshot_at, walked_at, state,
       published_at, archived_at, users, groups, memberships, added, modified, removed, api_calls,
       manifest, manifest_sha256)
     SELECT 'us-east-1_Bench' || p, ${ID('at')}, at, at, 'archived', at, at,
       $3 - night * 10, $4, $3 * 2, 12, $3 / $5, 2, $3 / 60, 'manifest.json', repeat('0', 64)
     FROM generate_series(1, $1) AS p, generate_series(0, $2 - 1) AS night
       CROSS JOIN LATERAL (
         SELECT date_trunc('second', now() - make_interval(days => night, hours => 1)) AS at
       ) AS times`,
    [pools, nights, users, GROUPS, CHANGED],
  );
  await db.query(
    `INSERT INTO mirror.runs (pool_id, snapshot_at, compared_with, destination, archives)
     SELECT pool_id, snapshot_at, lag(snapshot_at) OVER pool, 's3://archive', row_number() OVER pool
     FROM directory.snapshots WINDOW pool AS (PARTITION BY pool_id ORDER BY snapshot_at)`,
  );
  await db.query(
    `INSERT INTO mirror.requests (pool_id, source, requested_at, snapshot_at, ended_at, outcome)
     SELECT pool_id, 'schedule', snapshot_at, snapshot_at, snapshot_at, 'done'
     FROM directory.snapshots`,
  );
  await db.query(
    `INSERT INTO mirror.attempts (pool_id, ended_at, outcome, snapshot_at)
     SELECT pool_id, max(snapshot_at), 'archived', max(snapshot_at) FROM directory.snapshots
     GROUP BY pool_id`,
  );
  await db.query(
    `INSERT INTO mirror.schedules (pool_id, pattern, timezone, due_at, starts_at)
     SELECT pool_id, '0 2 * * *', 'UTC', now() + interval '1 day', now() + interval '1 day'
     FROM directory.pools`,
  );
  await db.query(
    `INSERT INTO mirror.pools (pool_id, listed_at) SELECT pool_id, now() FROM directory.pools`,
  );
  await db.query(
    `INSERT INTO mirror.status_counts (pool_id, snapshot_at, status, enabled, users)
     SELECT pool_id, snapshot_at, status, true, users / 2
     FROM directory.snapshots, unnest(ARRAY['CONFIRMED', 'UNCONFIRMED']) AS status`,
  );
  const { rows } = await db.query<Nights>(
    `SELECT min(snapshot_at) AS first, max(snapshot_at) AS newest FROM directory.snapshots
     WHERE pool_id = $1`,
    [LARGE_POOL],
  );
  return rows[0] as Nights;
}

async function addUsers(db: pg.Pool, { users }: MirrorSize, times: Nights): Promise<void> {
  const insert = (table: string, mail: string, periods: string, condition: string) =>
    db.query(
      `INSERT INTO directory.${table} (pool_id, username, sub, status, enabled, created_at,
         modified_at, attributes, escaped, ${table === 'users' ? 'valid_from' : 'valid_from, valid_to'})
       SELECT $1, 'user-' || n, ${SUB}, 'CONFIRMED', true, $3, $3, ${selectAttributes(`@${mail}`)},
         '{}', ${periods}
       FROM generate_series(1, $2::integer) AS n
       WHERE $4::timestamptz IS NOT NULL AND ${condition} ORDER BY 2`,
      [LARGE_POOL, users, times.first, times.newest],
    );
  const changed = `n % ${CHANGED} = 0`;
  await insert(
    'users',
    'example.com',
    `CASE WHEN ${changed} THEN $4::timestamptz ELSE $3::timestamptz END`,
    'true',
  );
  await insert('user_history', 'earlier.example.com', '$3::timestamptz, $4::timestamptz', changed);
}

async function addMemberships(db: pg.Pool, { users }: MirrorSize, times: Nights): Promise<void> {
  await db.query(
    `INSERT INTO directory.groups (pool_id, group_name, precedence, role_arn, escaped, valid_from)
     SELECT $1, name, 1, 'arn:aws:iam::111122223333:role/r', '{}', $3
     FROM (SELECT 'g' || g FROM generate_series(2, $2) AS g UNION ALL SELECT $4) AS names (name)`,
    [LARGE_POOL, GROUPS, times.first, LARGE_GROUP],
  );
  await db.query(
    `INSERT INTO directory.memberships (pool_id, group_name, username, sub, valid_from)
     SELECT $1, CASE WHEN g = 1 THEN $5 ELSE 'g' || 2 + n % ($6 - 1) END, 'user-' || n, ${SUB},
       CASE WHEN n % 100 = g THEN $4::timestamptz ELSE $3::timestamptz END
     FROM generate_series(1, $2::integer) AS n, generate_series(1, 2) AS g
     WHERE g = 1 OR n % 5 < 4 ORDER BY 2, 3`,
    [LARGE_POOL, users, times.first, times.newest, LARGE_GROUP, GROUPS],
  );
  await db.query(
    `INSERT INTO directory.membership_history
       (pool_id, group_name, username, sub, valid_from, valid_to)
     SELECT $1, 'g2', 'user-' || n, ${SUB}, $3, $4 FROM generate_series(3, $2::integer, 100) AS n`,
    [LARGE_POOL, users, times.first, times.newest],
  );
}

/** A snapshot that was held because it would remove one of twenty users. */
async function addHeld(db: pg.Pool, { users }: MirrorSize, { newest }: Nights): Promise<Date> {
  const { rows } = await db.query<{ at: Date; stage: number }>(
    `WITH held AS (
       INSERT INTO directory.snapshots (pool_id, snapshot, snapshot_at, walked_at, state, reason)
       SELECT $1, ${ID('at')}, at, at, 'held', 'It would remove 5 % of the users.'
       FROM (SELECT date_trunc('second', now()) AS at) AS times RETURNING snapshot_at
     )
     INSERT INTO mirror.runs (pool_id, snapshot_at, compared_with)
     SELECT $1, snapshot_at, $2 FROM held RETURNING snapshot_at AS at, stage`,
    [LARGE_POOL, newest],
  );
  const { at, stage } = rows[0] as { at: Date; stage: number };
  await createStage(db, stage, false);
  const t = stageTables(stage);
  const kept = `FROM generate_series(1, ${users}) AS n WHERE n % ${HELD} > 0`;
  await db.query(
    `INSERT INTO ${t.walks} (kind, prefix, state, pages, items) VALUES ('users', '', 'done', 1, 1);
     INSERT INTO ${t.users} (walk, attempt, read_at, hash, username)
       SELECT 1, 1, now(), md5(n::text)::uuid, 'user-' || n ${kept};
     INSERT INTO ${t.groups} (walk, attempt, read_at, group_name, precedence, role_arn, escaped)
       SELECT 1, 1, now(), group_name, precedence, role_arn, escaped FROM directory.groups;
     INSERT INTO ${t.memberships} (walk, attempt, read_at, group_name, username, sub)
       SELECT 1, 1, now(), group_name, username, sub FROM directory.memberships
       WHERE split_part(username, '-', 2)::integer % ${HELD} > 0`,
  );
  return at;
}
