import type { Readable } from 'node:stream';
import pg from 'pg';
import { COLUMNS } from '../../model/columns.ts';
import type { Dataset, SnapshotKey, StateDataset } from '../../model/snapshot.ts';
import { listColumns, storedColumns } from './columns.ts';
import { listJsonColumns, openJsonRows } from './json-rows.ts';
import { selectSettings } from './setting-rows.ts';
import { HISTORIES } from './versions.ts';

/**
 * Opens a dataset of a published snapshot as JSON Lines, in key order, with the columns of `COLUMNS`.
 * The histories give the state as of the snapshot, so the result is the same at any time. Chunks do
 * not end at lines. The stream has a connection of its own until it ends or is destroyed.
 */
export async function openSnapshotRows(
  pool: pg.Pool,
  { poolId, snapshotAt }: SnapshotKey,
  dataset: StateDataset,
): Promise<Readable> {
  const asOf = {
    pool: pg.escapeLiteral(poolId),
    at: `${pg.escapeLiteral(snapshotAt.toISOString())}::timestamptz`,
  };
  return openJsonRows(pool, QUERIES[dataset](asOf));
}

/** A pool and a time, as SQL literals. */
interface AsOf {
  readonly pool: string;
  readonly at: string;
}

/** One query for each dataset: its rows in key order as of the snapshot, in the archive's columns. */
const QUERIES: Record<StateDataset, (asOf: AsOf) => string> = {
  users: (asOf) => `
    SELECT ${listJsonColumns(COLUMNS.users)}
    FROM ${selectInKeyOrder('users', listColumns(storedColumns('users')), 'username', asOf)} AS u
    LEFT JOIN (
      SELECT username, array_agg(group_name ORDER BY group_name) AS groups
      FROM ${selectInKeyOrder('memberships', 'username, group_name', 'username, group_name', asOf)} AS each
      GROUP BY username
    ) AS m USING (username)
    WHERE ${requireHistory(asOf)}
    ORDER BY username`,
  groups: (asOf) => `
    SELECT ${listJsonColumns(COLUMNS.groups)}
    FROM ${selectInKeyOrder('groups', listColumns(storedColumns('groups')), 'group_name', asOf)} AS g
    WHERE ${requireHistory(asOf)}
    ORDER BY group_name`,
  memberships: (asOf) => `
    SELECT ${listJsonColumns(COLUMNS.memberships)}
    FROM ${selectInKeyOrder('memberships', listColumns(storedColumns('memberships')), 'group_name, username', asOf)} AS m
    WHERE ${requireHistory(asOf)}
    ORDER BY group_name, username`,
  settings: (asOf) => `
    SELECT ${listJsonColumns(COLUMNS.settings)}
    FROM (${selectSettings(asOf.pool, asOf.at)}) AS s
    WHERE ${requireHistory(asOf)}
    ORDER BY part`,
};

/**
 * Columns of a dataset as of a moment: current rows that are old enough, and closed versions that span
 * the moment. These are the rows of `users_at` and its siblings. Each arm is ordered here, so the rows
 * come from the indexes in order, and the first row needs no sort of the whole pool.
 */
function selectInKeyOrder(
  dataset: Dataset,
  columns: string,
  order: string,
  { pool, at }: AsOf,
): string {
  const rows = (table: string, more: string) =>
    `(SELECT ${columns} FROM directory.${table}
      WHERE pool_id = ${pool} AND valid_from <= ${at} ${more} ORDER BY ${order})`;
  return `(${rows(dataset, '')} UNION ALL ${rows(HISTORIES[dataset], `AND valid_to > ${at}`)})`;
}

/** Raises an error if versions as of the moment were pruned: the rest would be an incomplete state. */
function requireHistory({ pool, at }: AsOf): string {
  return `directory.history_reaches(${pool}, ${at})`;
}
