import type {
  GroupThen,
  MembershipThen,
  MemberThen,
  Moment,
  Profile,
  ReviewedMembership,
  UserThen,
  UserWithGroups,
} from '../../model/history.ts';
import { quoteLiteral } from '../duckdb.ts';
import { type ArchiveContext, positionOf, Reading, withReading } from './context.ts';
import { listUserRanges } from './key-ranges.ts';
import { createMembers, sinceOf } from './member-since.ts';

/** The groups of a snapshot, by name. */
export async function listGroups(context: ArchiveContext, at: Moment): Promise<GroupThen[]> {
  return withReading(context, (reading) =>
    reading.using(positionOf(context, at), 'groups', (table) =>
      reading.statements.rows<GroupThen>(
        `SELECT group_name AS "groupName", role_arn AS "roleArn", precedence, description
         FROM ${table} ORDER BY group_name`,
      ),
    ),
  );
}

/** A row about a membership, with the position of its first snapshot. */
type Since<T> = Omit<T, 'memberSince'> & { readonly since: number };

/** The members of a group in a snapshot, by name. The users are read range by range. */
export async function* streamMembers(
  context: ArchiveContext,
  groupName: string,
  at: Moment,
): AsyncIterable<MemberThen[]> {
  const reading = await Reading.open(context);
  try {
    const { statements } = reading;
    const position = positionOf(context, at);
    await createMembers(reading, position, `group_name = ${quoteLiteral(groupName)}`);
    const users = await reading.hold(position, 'users');
    for (const range of await listUserRanges(statements, [users])) {
      const rows = statements.stream<Since<MemberThen>>(
        `SELECT m.username, m.sub, u.email, u.name, u.status, u.enabled, m.since,
           coalesce(u.groups, [m.group_name]) AS "groupNames"
         FROM (FROM member WHERE ${range}) AS m
         LEFT JOIN (FROM ${users.table} WHERE ${range}) AS u USING (username)
         ORDER BY m.username`,
      );
      for await (const batch of rows) {
        yield batch.map(({ since, ...row }) => ({ ...row, memberSince: sinceOf(context, since) }));
      }
    }
  } finally {
    reading.close();
  }
}

/** Those of some profiles that a snapshot has, in their order, with their groups. */
export async function listUsers(
  context: ArchiveContext,
  profiles: readonly Profile[],
  at: Moment,
): Promise<UserWithGroups[]> {
  return withReading(context, async (reading) => {
    const { statements } = reading;
    const position = positionOf(context, at);
    const isNamed = `username IN (${profiles.map((each) => quoteLiteral(each.username)).join(', ')})`;
    const users = await reading.using(position, 'users', (table) =>
      statements.rows<UserThen>(
        `SELECT username, sub, email, name, status, enabled FROM ${table} WHERE ${isNamed}`,
      ),
    );
    await createMembers(reading, position, isNamed);
    const memberships = await reading.using(position, 'groups', (table) =>
      statements.rows<Since<MembershipThen> & { readonly username: string }>(
        `SELECT m.username, group_name AS "groupName", g.role_arn AS "roleArn", g.precedence, m.since
         FROM member AS m JOIN ${table} AS g USING (group_name) ORDER BY group_name`,
      ),
    );
    const groupsOf = (name: string): MembershipThen[] =>
      memberships
        .filter(({ username }) => username === name)
        .map(({ username: _, since, ...group }) => ({
          ...group,
          memberSince: sinceOf(context, since),
        }));
    return profiles.flatMap((profile) =>
      users
        .filter(({ username, sub }) => username === profile.username && sub === profile.sub)
        .map((user) => ({ ...user, groups: groupsOf(user.username) })),
    );
  });
}

/**
 * The memberships of groups in a snapshot, by the names of groups and users. A statement either joins or
 * sorts, as the two together do not fit into DuckDB's memory.
 */
export async function* streamMemberships(
  context: ArchiveContext,
  groupNames: readonly string[],
  at: Moment,
): AsyncIterable<ReviewedMembership[]> {
  if (groupNames.length === 0) return;
  const reading = await Reading.open(context);
  try {
    const { statements } = reading;
    const position = positionOf(context, at);
    const names = groupNames.map(quoteLiteral).join(', ');
    await createMembers(reading, position, `group_name IN (${names})`);
    await reading.using(position, 'users', (users) =>
      statements.run(
        `CREATE TEMP TABLE reviewed AS
         SELECT m.group_name AS "groupName", username, u.name, u.email, u.status, u.enabled, m.since
         FROM member AS m LEFT JOIN ${users} AS u USING (username)`,
      ),
    );
    const rows = statements.stream<Since<ReviewedMembership>>(
      'FROM reviewed ORDER BY "groupName", username',
    );
    for await (const batch of rows) {
      yield batch.map(({ since, ...row }) => ({ ...row, memberSince: sinceOf(context, since) }));
    }
  } finally {
    reading.close();
  }
}
