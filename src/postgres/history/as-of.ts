import type { Dataset } from '../../model/snapshot.ts';
import { HISTORIES } from '../store/versions.ts';

/**
 * The versions of a dataset as of time $2 in pool $1: the rows of `users_at` and its siblings, without
 * their check that the history reaches back so far. In a join, that check would run for each row.
 *
 * @param condition further conditions on the columns of a version
 * @param asOf other parameters for the pool and the time
 */
export function selectAsOf(
  dataset: Dataset,
  columns: string,
  condition: string,
  { pool, at } = { pool: '$1', at: '$2' },
): string {
  const rows = (table: string) =>
    `SELECT ${columns} FROM directory.${table}
     WHERE pool_id = ${pool} AND valid_from <= ${at} AND ${condition}`;
  return `${rows(dataset)} UNION ALL ${rows(HISTORIES[dataset])} AND valid_to > ${at}`;
}

/**
 * Joins the user `u` of each membership `m` as of time $2, with null columns if there is none. It looks
 * up the key of each member: a plain join could read and sort all users of the pool.
 */
export function joinUserAsOf(columns: string): string {
  return `LEFT JOIN LATERAL (
    SELECT * FROM (${selectAsOf('users', columns, 'username = m.username')}) AS each LIMIT 1
  ) AS u ON true`;
}
