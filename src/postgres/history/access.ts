import type {
  GroupThen,
  MembershipThen,
  MemberThen,
  Profile,
  UserThen,
  UserWithGroups,
} from '../../model/history.ts';
import { joinUserAsOf, selectAsOf } from './as-of.ts';
import type { Asking } from './ask.ts';

const GROUP = 'group_name AS "groupName", role_arn AS "roleArn", precedence';

/** The groups of a pool at a moment, by name. The caller knows that the history reaches back so far. */
export async function listGroups({ db, poolId }: Asking, at: Date): Promise<GroupThen[]> {
  const groups = await db.query<GroupThen>(
    `SELECT ${GROUP}, description FROM (
       ${selectAsOf('groups', 'group_name, role_arn, precedence, description', 'true')}
     ) AS g ORDER BY group_name`,
    [poolId, at],
  );
  return groups.rows;
}

/**
 * Selects members `MemberThen` as of time $2 in pool $1, by name.
 *
 * @param memberships selects `username`, `sub` and `valid_from` of theirs
 */
export function selectMembers(memberships: string): string {
  return `SELECT m.username, m.sub, u.email, u.name, u.status, u.enabled,
       m.valid_from AS "memberSince", o."groupNames"
     FROM (${memberships}) AS m
     ${joinUserAsOf('email, name, status, enabled')}
     CROSS JOIN LATERAL (
       SELECT array_agg(group_name ORDER BY group_name) AS "groupNames" FROM (
         ${selectAsOf('memberships', 'group_name', 'username = m.username')}
       ) AS each
     ) AS o
     ORDER BY m.username`;
}

/** The members of a group at a moment, in the order of their names. */
export function streamMembers(
  asking: Asking,
  groupName: string,
  at: Date,
): AsyncIterable<MemberThen[]> {
  const members = selectAsOf('memberships', 'username, sub, valid_from', 'group_name = $3');
  return asking.stream<MemberThen>(selectMembers(members), [asking.poolId, at, groupName]);
}

/** A profile at a moment; null if the pool did not have it then. */
async function findUserThen(
  { db, poolId }: Asking,
  { username, sub }: Profile,
  at: Date,
): Promise<UserThen | null> {
  const found = await db.query<UserThen>(
    selectAsOf(
      'users',
      'username, sub, email, name, status, enabled',
      'username = $3 AND sub IS NOT DISTINCT FROM $4',
    ),
    [poolId, at, username, sub],
  );
  return found.rows[0] ?? null;
}

/** The groups of a user at a moment, by name. */
async function listMemberships(
  { db, poolId }: Asking,
  username: string,
  at: Date,
): Promise<MembershipThen[]> {
  const memberships = await db.query<MembershipThen>(
    `SELECT ${GROUP}, m.valid_from AS "memberSince"
     FROM (${selectAsOf('memberships', 'group_name, valid_from', 'username = $3')}) AS m
     JOIN (${selectAsOf('groups', 'group_name, role_arn, precedence', 'true')}) AS g
       USING (group_name)
     ORDER BY group_name`,
    [poolId, at, username],
  );
  return memberships.rows;
}

/** Those of some profiles that the pool had at a moment, with their groups. */
export async function listUsers(
  asking: Asking,
  profiles: readonly Profile[],
  at: Date,
): Promise<UserWithGroups[]> {
  const users: UserWithGroups[] = [];
  for (const profile of profiles) {
    const user = await findUserThen(asking, profile, at);
    if (user === null) continue;
    users.push({ ...user, groups: await listMemberships(asking, profile.username, at) });
  }
  return users;
}
