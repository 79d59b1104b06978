import type pg from 'pg';
import { rowCount } from '../connection.ts';
import { listPersonTables, type PersonTable } from './person-tables.ts';
import { PUBLISHED_STATES } from './states.ts';

/** Persons as two lists: a row belongs to one if it has a name of them and a `sub` of them, or none. */
export interface ErasedPersons {
  readonly usernames: readonly string[];
  readonly subs: readonly string[];
}

/** How many rows each table had, without those that had none. */
export type RowsByTable = Readonly<Record<string, number>>;

/** A row of `t` is about one of the persons. */
const IS_THEIRS = 't.username = ANY ($2) AND (t.sub IS NULL OR t.sub = ANY ($3))';

/**
 * Deletes every row about persons, within one transaction: the current state, the history, the hashes and
 * stages. Counts of snapshots follow, so that the next archive and its changes agree with them, and a
 * deleted row is not taken for drift.
 *
 * @returns the rows by table
 */
export async function erasePersons(
  client: pg.PoolClient,
  poolId: string,
  { usernames, subs }: ErasedPersons,
): Promise<RowsByTable> {
  const values = [poolId, usernames, subs];
  await adjustSnapshots(client, values);
  const rows: Record<string, number> = {};
  const count = (name: string, deleted: number) => {
    if (deleted > 0) rows[name] = (rows[name] ?? 0) + deleted;
  };
  const tables = await listPersonTables(client, poolId);
  for (const each of tables.filter(({ hasSub }) => hasSub)) {
    const deleted = await deleteRows(client, each, values);
    count(each.name, deleted);
    if (each.stage !== null) await adjustHeld(client, each, deleted);
  }
  // Their rows tell whose these are, and are gone by now: what has no row of another person goes too.
  for (const { table, name, hasPool } of tables.filter(({ hasSub }) => !hasSub)) {
    const deleted = await client.query(
      `DELETE FROM ${table} AS t WHERE t.username = ANY ($2) AND ${hasPool ? 't.pool_id = $1' : 'true'}
         AND NOT EXISTS (
           SELECT FROM directory.users AS u WHERE u.pool_id = $1 AND u.username = t.username
         )`,
      [poolId, usernames],
    );
    count(name, rowCount(deleted));
  }
  return rows;
}

/** Counts what `erasePersons` would delete. */
export async function countPersonRows(
  client: pg.ClientBase | pg.Pool,
  poolId: string,
  { usernames, subs }: ErasedPersons,
): Promise<RowsByTable> {
  const rows: Record<string, number> = {};
  for (const { table, name, hasPool, hasSub } of await listPersonTables(client, poolId)) {
    const isTheirs = hasSub ? IS_THEIRS : 't.username = ANY ($2) AND $3::text[] IS NOT NULL';
    const found = await client.query<{ rows: number }>(
      `SELECT count(*) AS rows FROM ${table} AS t
       WHERE ${isTheirs} AND ${hasPool ? 't.pool_id = $1' : '$1::text IS NOT NULL'}`,
      [poolId, usernames, subs],
    );
    const count = found.rows[0]?.rows ?? 0;
    if (count > 0) rows[name] = (rows[name] ?? 0) + count;
  }
  return rows;
}

async function deleteRows(
  client: pg.PoolClient,
  { table, hasPool }: PersonTable,
  values: unknown[],
): Promise<number> {
  const inPool = hasPool ? 't.pool_id = $1' : '$1::text IS NOT NULL';
  return rowCount(
    await client.query(`DELETE FROM ${table} AS t WHERE ${inPool} AND ${IS_THEIRS}`, values),
  );
}

/** Takes the persons' versions out of the counts of published snapshots. */
async function adjustSnapshots(client: pg.PoolClient, values: unknown[]): Promise<void> {
  await client.query(
    `WITH versions AS (
       SELECT username, sub, status, enabled, mfa_read_at, valid_from, valid_to
       FROM directory.user_history AS t
       WHERE t.pool_id = $1 AND ${IS_THEIRS}
       UNION ALL
       SELECT username, sub, status, enabled, mfa_read_at, valid_from, NULL FROM directory.users AS t
       WHERE t.pool_id = $1 AND ${IS_THEIRS}
     ), placed AS (
       SELECT *, lag(valid_to) OVER persons AS before, lead(valid_from) OVER persons AS after
       FROM versions WINDOW persons AS (PARTITION BY username, sub ORDER BY valid_from)
     ), members AS (
       SELECT valid_from, valid_to FROM directory.membership_history AS t
       WHERE t.pool_id = $1 AND ${IS_THEIRS}
       UNION ALL
       SELECT valid_from, NULL FROM directory.memberships AS t WHERE t.pool_id = $1 AND ${IS_THEIRS}
     ), counted AS (
       SELECT s.snapshot_at,
         (SELECT count(*) FROM placed AS v WHERE v.valid_from <= s.snapshot_at
           AND (v.valid_to IS NULL OR v.valid_to > s.snapshot_at)) AS users,
         (SELECT count(v.mfa_read_at) FROM placed AS v WHERE v.valid_from <= s.snapshot_at
           AND (v.valid_to IS NULL OR v.valid_to > s.snapshot_at)) AS mfa_known,
         (SELECT count(*) FROM members AS m WHERE m.valid_from <= s.snapshot_at
           AND (m.valid_to IS NULL OR m.valid_to > s.snapshot_at)) AS memberships,
         (SELECT count(*) FROM placed AS v WHERE v.valid_from = s.snapshot_at
           AND v.before IS DISTINCT FROM v.valid_from) AS added,
         (SELECT count(*) FROM placed AS v WHERE v.valid_from = s.snapshot_at
           AND v.before = v.valid_from) AS modified,
         (SELECT count(*) FROM placed AS v WHERE v.valid_to = s.snapshot_at
           AND v.after IS DISTINCT FROM v.valid_to) AS removed
       FROM directory.snapshots AS s
       WHERE s.pool_id = $1 AND s.state IN ${PUBLISHED_STATES}
     ), runs AS (
       UPDATE mirror.runs AS r SET published_users = r.published_users - c.users
       FROM counted AS c
       WHERE r.pool_id = $1 AND r.snapshot_at = c.snapshot_at AND c.users > 0
     ), statuses AS (
       UPDATE mirror.status_counts AS k SET users = k.users - c.users
       FROM (
         SELECT s.snapshot_at, v.status, v.enabled, count(*) AS users
         FROM placed AS v JOIN directory.snapshots AS s ON s.pool_id = $1
           AND s.snapshot_at >= v.valid_from AND (v.valid_to IS NULL OR s.snapshot_at < v.valid_to)
         GROUP BY s.snapshot_at, v.status, v.enabled
       ) AS c
       WHERE k.pool_id = $1 AND k.snapshot_at = c.snapshot_at
         AND k.status IS NOT DISTINCT FROM c.status AND k.enabled IS NOT DISTINCT FROM c.enabled
     )
     UPDATE directory.snapshots AS s SET users = greatest(s.users - c.users, 0),
       memberships = greatest(s.memberships - c.memberships, 0),
       added = greatest(s.added - c.added, 0), modified = greatest(s.modified - c.modified, 0),
       removed = greatest(s.removed - c.removed, 0),
       mfa_known = CASE WHEN s.mfa_known IS NOT NULL THEN greatest(s.mfa_known - c.mfa_known, 0) END
     FROM counted AS c
     WHERE s.pool_id = $1 AND s.snapshot_at = c.snapshot_at
       AND (c.users, c.memberships, c.added, c.modified, c.removed) <> (0, 0, 0, 0, 0)`,
    values,
  );
}

/** Takes staged rows out of the counts of a held snapshot, which has them since its check. */
async function adjustHeld(
  client: pg.PoolClient,
  { name, stage }: PersonTable,
  rows: number,
): Promise<void> {
  const column = { stage_users: 'users', stage_memberships: 'memberships' }[name];
  if (column === undefined || rows === 0) return;
  await client.query(
    `UPDATE directory.snapshots AS s SET ${column} = s.${column} - $2 FROM mirror.runs AS r
     WHERE r.pool_id = s.pool_id AND r.snapshot_at = s.snapshot_at AND r.stage = $1`,
    [stage, rows],
  );
}
