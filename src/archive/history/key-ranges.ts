import { quoteLiteral } from '../duckdb.ts';
import type { Statements } from './database.ts';
import type { HeldParts } from './part-files.ts';

/** A condition of SQL on the columns of a key. All ranges of a list together are true for any key. */
export type KeyRange = string;

/** A row group of users has about 16 MB at most, so this share of its rows fits into memory many times. */
const SHARE_OF_GROUP = 1 / 8;

/** The most memberships of each snapshot in a range. Their rows are small. */
const MEMBERSHIPS = 20_000;

/**
 * Cuts the usernames of users into ranges, in order. The parts are in the order of their keys, so DuckDB
 * reads few row groups for a range, and its rows fit into memory.
 *
 * @param sides the users of one or two snapshots
 */
export async function listUserRanges(
  statements: Statements,
  sides: readonly HeldParts[],
): Promise<KeyRange[]> {
  const groups = sides.map(
    ({ paths }) => `SELECT row_group_num_rows AS rows FROM parquet_metadata(${paths})`,
  );
  const [largest] = await statements.rows<{ rows: number | null }>(
    `SELECT max(rows)::INTEGER AS rows FROM (${groups.join(' UNION ALL ')})`,
  );
  const every = Math.max(1, Math.floor((largest?.rows ?? 0) * SHARE_OF_GROUP));
  const keys = await listKeys<{ username: string }>(statements, sides, 'username', every);
  const names = keys.map(({ username }) => quoteLiteral(username));
  return toRanges(names, (start, end) => [
    start && `username >= ${start}`,
    end && `username < ${end}`,
  ]);
}

/** The same for the keys of memberships, which are ordered by group, then by username. */
export async function listMembershipRanges(
  statements: Statements,
  sides: readonly HeldParts[],
): Promise<KeyRange[]> {
  type Key = { readonly group: string; readonly username: string };
  const columns = 'group_name AS "group", username';
  const keys = await listKeys<Key>(statements, sides, columns, MEMBERSHIPS);
  const names = keys.map(({ group, username }) => ({
    group: quoteLiteral(group),
    username: quoteLiteral(username),
  }));
  // The conditions on single columns let DuckDB skip row groups.
  return toRanges(names, (start, end) => {
    const isOneGroup = start && end && start.group === end.group;
    return [
      start && `group_name >= ${start.group}`,
      start && `(group_name > ${start.group} OR username >= ${start.username})`,
      end && `group_name <= ${end.group}`,
      end && `(group_name < ${end.group} OR username < ${end.username})`,
      isOneGroup ? `username >= ${start.username} AND username < ${end.username}` : null,
    ];
  });
}

/** Every so many keys of each file, in order. */
async function listKeys<Key>(
  statements: Statements,
  sides: readonly HeldParts[],
  columns: string,
  every: number,
): Promise<Key[]> {
  const sampled = sides.map(
    ({ paths }) => `SELECT ${columns} FROM read_parquet(${paths}, hive_partitioning = false,
      file_row_number = true) WHERE file_row_number % ${every} = 0`,
  );
  return statements.rows<Key>(`${sampled.join(' UNION ')} ORDER BY ALL`);
}

function toRanges<Key>(
  keys: readonly Key[],
  conditions: (start: Key | null, end: Key | null) => readonly (string | null)[],
): KeyRange[] {
  const bounds = keys.slice(1);
  return [...bounds, null].map((end, index) => {
    const given = conditions(bounds[index - 1] ?? null, end).filter((each) => each !== null);
    return given.length === 0 ? 'true' : given.join(' AND ');
  });
}
