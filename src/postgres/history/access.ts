import type { Asking } from './ask.ts';
import type { Profile } from './profiles.ts';

/** A group that a user is in. */
export interface GroupOfUser {
  readonly groupName: string;
  /** The ARN of the group's IAM role. */
  readonly roleArn: string | null;
  readonly precedence: number | null;
}

/** A user at a moment. */
export interface UserThen extends Profile {
  readonly email: string | null;
  readonly name: string | null;
  readonly status: string | null;
  readonly enabled: boolean | null;
}

/** A member of a group at a moment. */
export interface MemberThen extends UserThen {
  /** The first snapshot with the membership. */
  readonly memberSince: Date;
  /** All groups of the member, by name. */
  readonly groups: readonly GroupOfUser[];
}

/** A group at a moment. */
export interface GroupThen extends GroupOfUser {
  readonly description: string | null;
}

const USER = 'u.username, u.sub, u.email, u.name, u.status, u.enabled';
const GROUP = 'g.group_name AS "groupName", g.role_arn AS "roleArn", g.precedence';

/** A group at a moment; null if there was none with this name. */
export async function findGroup(
  { db, poolId }: Asking,
  groupName: string,
  at: Date,
): Promise<GroupThen | null> {
  const found = await db.query<GroupThen>(
    `SELECT ${GROUP}, g.description FROM directory.groups_at($1, $2) AS g WHERE g.group_name = $3`,
    [poolId, at, groupName],
  );
  return found.rows[0] ?? null;
}

/** The names of the groups at a moment, sorted. */
export async function listGroupNames({ db, poolId }: Asking, at: Date): Promise<string[]> {
  const groups = await db.query<{ name: string }>(
    'SELECT g.group_name AS name FROM directory.groups_at($1, $2) AS g ORDER BY g.group_name',
    [poolId, at],
  );
  return groups.rows.map(({ name }) => name);
}

/**
 * The members of a group at a moment, in the order of their names. A member whose user is missing has
 * null for what is unknown.
 */
export function streamMembers(
  asking: Asking,
  groupName: string,
  at: Date,
): AsyncIterable<MemberThen[]> {
  return asking.stream<MemberThen>(
    `SELECT m.username, m.sub, u.email, u.name, u.status, u.enabled,
       m.valid_from AS "memberSince", of.groups
     FROM directory.memberships_at($1, $2) AS m
     LEFT JOIN directory.users_at($1, $2) AS u ON u.username = m.username
     CROSS JOIN LATERAL (
       SELECT json_agg(json_build_object(
         'groupName', g.group_name, 'roleArn', g.role_arn, 'precedence', g.precedence
       ) ORDER BY g.group_name) AS groups
       FROM directory.memberships_at($1, $2) AS o
       JOIN directory.groups_at($1, $2) AS g ON g.group_name = o.group_name
       WHERE o.username = m.username
     ) AS of
     WHERE m.group_name = $3
     ORDER BY m.username`,
    [asking.poolId, at, groupName],
  );
}

/** A profile at a moment; null if the pool did not have it then. */
export async function findUserThen(
  { db, poolId }: Asking,
  { username, sub }: Profile,
  at: Date,
): Promise<UserThen | null> {
  const found = await db.query<UserThen>(
    `SELECT ${USER} FROM directory.users_at($1, $2) AS u
     WHERE u.username = $3 AND u.sub IS NOT DISTINCT FROM $4`,
    [poolId, at, username, sub],
  );
  return found.rows[0] ?? null;
}

/** A group that a user was in, and since when. */
export interface MembershipThen extends GroupOfUser {
  /** The first snapshot with the membership. */
  readonly memberSince: Date;
}

/** The groups of a user at a moment, by name. */
export async function listMemberships(
  { db, poolId }: Asking,
  username: string,
  at: Date,
): Promise<MembershipThen[]> {
  const memberships = await db.query<MembershipThen>(
    `SELECT ${GROUP}, m.valid_from AS "memberSince"
     FROM directory.memberships_at($1, $2) AS m
     JOIN directory.groups_at($1, $2) AS g ON g.group_name = m.group_name
     WHERE m.username = $3 ORDER BY g.group_name`,
    [poolId, at, username],
  );
  return memberships.rows;
}
