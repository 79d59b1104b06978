import { finished, type Readable } from 'node:stream';
import pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import type { Dataset, SnapshotKey } from '../../model/snapshot.ts';

/** Milliseconds are what both formats of the archive hold, and what the service gives. */
const time = (column: string) =>
  `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS ${column}`;

/** A pool and a moment, as SQL literals. */
interface Moment {
  readonly pool: string;
  readonly at: string;
}

/**
 * Columns of a table as of a moment, in an order: of the current rows those that are old enough,
 * and the closed versions that span it. They are the rows of `users_at` and its like, but for the
 * order within each arm: with it the rows come as the indexes have them, and the whole pool need
 * not be sorted before the first.
 */
function asOf(
  tables: { current: string; history: string },
  columns: string,
  order: string,
  { pool, at }: Moment,
): string {
  const rows = (table: string, more: string) =>
    `(SELECT ${columns} FROM directory.${table}
      WHERE pool_id = ${pool} AND valid_from <= ${at} ${more} ORDER BY ${order})`;
  return `(${rows(tables.current, '')} UNION ALL ${rows(tables.history, `AND valid_to > ${at}`)})`;
}

const USERS = { current: 'users', history: 'user_history' };
const GROUPS = { current: 'groups', history: 'group_history' };
const MEMBERSHIPS = { current: 'memberships', history: 'membership_history' };

const USER_COLUMNS = `username, sub, status, enabled, email, email_verified, phone_number,
  phone_number_verified, name, given_name, family_name, preferred_username, created_at, modified_at,
  attributes, mfa_options, escaped`;
const GROUP_COLUMNS =
  'group_name, description, role_arn, precedence, created_at, modified_at, escaped';

/** An error where the history was pruned: half of a history is no state. */
const reachesBack = ({ pool, at }: Moment) => `directory.history_reaches(${pool}, ${at})`;

/** One query a dataset: its rows in key order as of the snapshot, in the archive's columns. */
const QUERIES: Record<Dataset, (moment: Moment) => string> = {
  users: (moment) => `
    SELECT u.username, u.sub, u.status, u.enabled, u.email, u.email_verified, u.phone_number,
      u.phone_number_verified, u.name, u.given_name, u.family_name, u.preferred_username,
      ${time('created_at')}, ${time('modified_at')}, u.attributes, u.mfa_options, u.escaped,
      coalesce(m.groups, '{}') AS groups
    FROM ${asOf(USERS, USER_COLUMNS, 'username', moment)} AS u
    LEFT JOIN (
      SELECT username, array_agg(group_name ORDER BY group_name) AS groups
      FROM ${asOf(MEMBERSHIPS, 'username, group_name', 'username, group_name', moment)} AS each
      GROUP BY username
    ) AS m USING (username)
    WHERE ${reachesBack(moment)}
    ORDER BY u.username`,
  groups: (moment) => `
    SELECT group_name, description, role_arn, precedence, ${time('created_at')},
      ${time('modified_at')}, escaped
    FROM ${asOf(GROUPS, GROUP_COLUMNS, 'group_name', moment)} AS g
    WHERE ${reachesBack(moment)}
    ORDER BY group_name`,
  memberships: (moment) => `
    SELECT group_name, username, sub
    FROM ${asOf(MEMBERSHIPS, 'group_name, username, sub', 'group_name, username', moment)} AS m
    WHERE ${reachesBack(moment)}
    ORDER BY group_name, username`,
};

/**
 * Opens a dataset of a published snapshot as JSON Lines, in key order, whenever it is read: the
 * histories give the state as of the snapshot. Chunks are not cut at lines. It has a connection of
 * its own until it ends or is destroyed.
 */
export async function openSnapshotRows(
  pool: pg.Pool,
  { poolId, snapshotAt }: SnapshotKey,
  dataset: Dataset,
): Promise<Readable> {
  // COPY takes no parameters. Its CSV form leaves a JSON text as it is, as neither of these two
  // control characters can stand in one; its text form would double every backslash.
  const moment = {
    pool: pg.escapeLiteral(poolId),
    at: `${pg.escapeLiteral(snapshotAt.toISOString())}::timestamptz`,
  };
  const client = await pool.connect();
  const rows = client.query(
    copyTo(
      `COPY (SELECT row_to_json(r) FROM (${QUERIES[dataset](moment)}) AS r)
       TO STDOUT WITH (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')`,
    ),
  );
  // One that was left half read makes its connection useless for others.
  finished(rows, (error) => client.release(error ?? undefined));
  return rows;
}
