import type { UserState, Version } from '../../model/history.ts';
import { isKey, listColumns, writtenColumns } from '../store/columns.ts';
import { selectAsOf } from './as-of.ts';
import type { Asking } from './ask.ts';

const CONTENT = writtenColumns('users').filter((column) => !isKey(column));

/** The conditions are those of the indexes: the first compares as much of an address as one can hold. */
const IS_NAMED = `(
  username = ANY ($3) OR sub = ANY ($3)
  OR ("left"(lower(email), 320) COLLATE "C" = ANY (SELECT "left"(lower(each), 320) FROM unnest($3::text[]) AS each)
    AND lower(email) = ANY (SELECT lower(each) FROM unnest($3::text[]) AS each))
)`;

/**
 * The users as of a time that have one of these texts as username, `sub` or e-mail address, by name.
 * E-mail addresses compare without regard to case.
 */
export async function findUserStates(
  { db, poolId }: Asking,
  users: readonly string[],
  at: Date,
): Promise<UserState[]> {
  const found = await db.query<Version & Omit<UserState, 'content'>>(
    `SELECT u.*, coalesce(m."groupNames", '{}') AS "groupNames"
     FROM (${selectAsOf('users', `username, ${listColumns(CONTENT)}`, IS_NAMED)}) AS u
     CROSS JOIN LATERAL (
       SELECT array_agg(group_name ORDER BY group_name) AS "groupNames" FROM (
         ${selectAsOf('memberships', 'group_name', 'username = u.username')}
       ) AS each
     ) AS m
     ORDER BY u.username`,
    [poolId, at, users],
  );
  return found.rows.map(({ username, groupNames, ...content }) => ({
    username,
    content,
    groupNames,
  }));
}
