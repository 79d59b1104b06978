import { finished, type Readable } from 'node:stream';
import pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { COLUMNS } from '../../model/columns.ts';
import type { Dataset, SnapshotKey } from '../../model/snapshot.ts';
import { listColumns, storedColumns } from './columns.ts';

/**
 * Opens a dataset of a published snapshot as JSON Lines, in key order, with the columns of `COLUMNS`.
 * The histories give the state as of the snapshot, so the result is the same at any time. Chunks do
 * not end at lines. The stream has a connection of its own until it ends or is destroyed.
 */
export async function openSnapshotRows(
  pool: pg.Pool,
  { poolId, snapshotAt }: SnapshotKey,
  dataset: Dataset,
): Promise<Readable> {
  const moment = {
    pool: pg.escapeLiteral(poolId),
    at: `${pg.escapeLiteral(snapshotAt.toISOString())}::timestamptz`,
  };
  const client = await pool.connect();
  // COPY takes no parameters. Its CSV form leaves JSON text as it is, because JSON text never contains
  // these two control characters. Its text form would double every backslash.
  const rows = client.query(
    copyTo(
      `COPY (SELECT row_to_json(r) FROM (${QUERIES[dataset](moment)}) AS r)
       TO STDOUT WITH (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')`,
    ),
  );
  // A connection whose COPY stopped halfway cannot be used again.
  finished(rows, (error) => client.release(error ?? undefined));
  return rows;
}

/** A pool and a moment, as SQL literals. */
interface Moment {
  readonly pool: string;
  readonly at: string;
}

/** One query for each dataset: its rows in key order as of the snapshot, in the archive's columns. */
const QUERIES: Record<Dataset, (moment: Moment) => string> = {
  users: (moment) => `
    SELECT ${selectColumns('users')}
    FROM ${selectAsOf('users', listColumns(storedColumns('users')), 'username', moment)} AS u
    LEFT JOIN (
      SELECT username, array_agg(group_name ORDER BY group_name) AS groups
      FROM ${selectAsOf('memberships', 'username, group_name', 'username, group_name', moment)} AS each
      GROUP BY username
    ) AS m USING (username)
    WHERE ${requireHistory(moment)}
    ORDER BY username`,
  groups: (moment) => `
    SELECT ${selectColumns('groups')}
    FROM ${selectAsOf('groups', listColumns(storedColumns('groups')), 'group_name', moment)} AS g
    WHERE ${requireHistory(moment)}
    ORDER BY group_name`,
  memberships: (moment) => `
    SELECT ${selectColumns('memberships')}
    FROM ${selectAsOf('memberships', listColumns(storedColumns('memberships')), 'group_name, username', moment)} AS m
    WHERE ${requireHistory(moment)}
    ORDER BY group_name, username`,
};

/** A dataset's columns in the form that they have in JSON Lines. */
function selectColumns(dataset: Dataset): string {
  return COLUMNS[dataset]
    .map(({ name, type, origin }) => {
      if (origin === 'joined') return `coalesce(${name}, '{}') AS ${name}`;
      return type === 'time' ? formatTime(name) : name;
    })
    .join(', ');
}

/** Both formats of the archive hold milliseconds, as the service gives them. */
function formatTime(column: string): string {
  return `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS ${column}`;
}

const HISTORIES: Record<Dataset, string> = {
  users: 'user_history',
  groups: 'group_history',
  memberships: 'membership_history',
};

/**
 * Columns of a dataset as of a moment: current rows that are old enough, and closed versions that span
 * the moment. These are the rows of `users_at` and its siblings. Each arm is ordered here, so the rows
 * come from the indexes in order, and the first row needs no sort of the whole pool.
 */
function selectAsOf(
  dataset: Dataset,
  columns: string,
  order: string,
  { pool, at }: Moment,
): string {
  const rows = (table: string, more: string) =>
    `(SELECT ${columns} FROM directory.${table}
      WHERE pool_id = ${pool} AND valid_from <= ${at} ${more} ORDER BY ${order})`;
  return `(${rows(dataset, '')} UNION ALL ${rows(HISTORIES[dataset], `AND valid_to > ${at}`)})`;
}

/** Raises an error if versions as of the moment were pruned: the rest would be an incomplete state. */
function requireHistory({ pool, at }: Moment): string {
  return `directory.history_reaches(${pool}, ${at})`;
}
