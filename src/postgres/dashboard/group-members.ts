import type { MemberThen } from '../../model/history.ts';
import { selectMembers } from '../history/access.ts';
import type { Asking } from '../history/ask.ts';

/**
 * The members of a group at a moment whose names come after `after`, at most `limit`, by name. The caller
 * knows that the history reaches back so far.
 */
export async function listMembersAfter(
  { db, poolId }: Asking,
  groupName: string,
  at: Date,
  after: string,
  limit: number,
): Promise<MemberThen[]> {
  const page = (table: string, condition: string) =>
    `(SELECT username, sub, valid_from FROM directory.${table}
      WHERE pool_id = $1 AND group_name = $3 AND username > $4 AND valid_from <= $2 ${condition}
      ORDER BY username LIMIT $5)`;
  const memberships = `${page('memberships', '')} UNION ALL ${page('membership_history', 'AND valid_to > $2')}
     ORDER BY username LIMIT $5`;
  const found = await db.query<MemberThen>(selectMembers(memberships), [
    ...[poolId, at, groupName, after],
    limit,
  ]);
  return found.rows;
}

/** How many members a group had, and how that changed. */
export interface MemberCounts {
  readonly members: number;
  /** Memberships that began after `since` and until the moment. */
  readonly joined: number;
  /** Memberships that ended then. */
  readonly left: number;
}

/**
 * Counts the members of today in the index, and from there back by what changed since the moment. Members who
 * never moved cost nothing else.
 *
 * @param since not before the first snapshot of the history, whose members did not join with it, and not
 *   after the moment
 */
export async function countMembers(
  { db, poolId }: Asking,
  groupName: string,
  at: Date,
  since: Date,
): Promise<MemberCounts> {
  const moves = (table: string, column: string, side: number) =>
    `SELECT ${column} AS moved_at, ${side} AS side FROM directory.${table}
     WHERE pool_id = $1 AND group_name = $3 AND ${column} > $4`;
  const found = await db.query<MemberCounts>(
    `SELECT
       (SELECT count(*) FROM directory.memberships WHERE pool_id = $1 AND group_name = $3)
         - coalesce(sum(side) FILTER (WHERE moved_at > $2), 0) AS members,
       count(*) FILTER (WHERE side > 0 AND moved_at <= $2) AS joined,
       count(*) FILTER (WHERE side < 0 AND moved_at <= $2) AS left
     FROM (
       ${moves('memberships', 'valid_from', 1)}
       UNION ALL ${moves('membership_history', 'valid_from', 1)}
       UNION ALL ${moves('membership_history', 'valid_to', -1)}
     ) AS m`,
    [poolId, at, groupName, since],
  );
  return found.rows[0] as MemberCounts;
}

/** The snapshot after which the changes of the pool are known. The caller knows that there is one. */
export async function findHistoryStart({ db, poolId }: Asking): Promise<Date> {
  const found = await db.query<{ at: Date }>(
    'SELECT starts_at AS at FROM mirror.history_starts WHERE pool_id = $1',
    [poolId],
  );
  return (found.rows[0] as { at: Date }).at;
}
