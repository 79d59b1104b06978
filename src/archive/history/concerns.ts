import type { Moment } from '../../model/history.ts';
import type { Concerns, ConcernsQuestion, Listed } from '../../model/report-source.ts';
import { type ArchiveContext, positionOf, withReading } from './context.ts';
import type { Statements } from './database.ts';

/** The most names that an entry of a list shows. */
const MOST_NAMES = 10;

const USER = 'username, name, email, status';

/** What deserves a look in a snapshot. Each list reads the users once. */
export async function findConcerns(
  context: ArchiveContext,
  at: Moment,
  { unchangedSince, limit }: ConcernsQuestion,
): Promise<Concerns> {
  const position = positionOf(context, at);
  return withReading(context, async (reading) => {
    const { table: users } = await reading.hold(position, 'users');
    const { table: groups } = await reading.hold(position, 'groups');
    const { table: memberships } = await reading.hold(position, 'memberships');
    const find = <T>(found: string, order: string) =>
      list<T>(reading.statements, selectSome(found, order, limit));
    const role = `SELECT group_name FROM ${groups} WHERE role_arn IS NOT NULL`;
    const unconfirmed = await find<UnconfirmedRow>(
      `SELECT ${USER}, epoch_ms(modified_at)::DOUBLE AS since FROM ${users}
       WHERE status = 'UNCONFIRMED' AND epoch_ms(modified_at) <= ${unchangedSince.getTime()}`,
      'since, username',
    );
    const duplicates = await list<DuplicateRow>(reading.statements, selectDuplicates(users, limit));
    return {
      unconfirmed: {
        total: unconfirmed.total,
        shown: unconfirmed.shown.map(({ since, ...user }) => ({
          ...user,
          unchangedSince: new Date(since),
        })),
      },
      disabledPrivileged: await find(
        `SELECT * FROM (
           SELECT ${USER}, list_filter(groups, lambda name: list_contains(r.names, name)) AS "groupNames"
           FROM ${users}, (SELECT coalesce(list(group_name), []) AS names FROM (${role})) AS r
           WHERE NOT enabled
         ) WHERE len("groupNames") > 0`,
        'username',
      ),
      ties: await list(reading.statements, selectTies({ users, groups, memberships }, limit)),
      duplicateEmails: {
        total: duplicates.total,
        shown: duplicates.shown.map(({ email, users: total, names }) => ({
          email,
          usernames: { total, shown: names },
        })),
      },
      ungrouped: await find(`SELECT ${USER} FROM ${users} WHERE len(groups) = 0`, 'username'),
    };
  });
}

type UnconfirmedRow = Omit<Concerns['unconfirmed']['shown'][number], 'unchangedSince'> & {
  readonly since: number;
};

interface DuplicateRow {
  readonly email: string;
  readonly users: number;
  readonly names: readonly string[];
}

/**
 * The users whose groups tie, with these groups. The lowest precedence value decides, and null is the
 * lowest rank. Aggregates of a fixed size can leave memory, so roles are numbers until users are shown.
 */
function selectTies({ users, groups, memberships }: Tables, limit: number): string {
  return `WITH ranked AS (
      SELECT group_name, role_arn, coalesce(precedence, 2147483648) AS level,
        CASE WHEN role_arn IS NOT NULL THEN dense_rank() OVER (ORDER BY role_arn) END AS role
      FROM ${groups}
    ), levels AS (
      SELECT username, level, coalesce(min(role), 0) AS low, coalesce(max(role), 0) AS high
      FROM ${memberships} JOIN ranked USING (group_name) GROUP BY username, level
    ), tied AS MATERIALIZED (
      SELECT username, min(level) AS level FROM levels
      GROUP BY username HAVING arg_min(low, level) <> arg_min(high, level)
    ), shown AS (
      SELECT username, level FROM tied ORDER BY username LIMIT ${limit}
    )
    SELECT ${USER}, list({groupName: group_name, roleArn: role_arn} ORDER BY group_name) AS groups,
      (SELECT count(*) FROM tied)::INTEGER AS total
    FROM shown JOIN ${memberships} USING (username)
    JOIN ranked USING (group_name, level) JOIN ${users} USING (username)
    WHERE role_arn IS NOT NULL
    GROUP BY ${USER} ORDER BY username`;
}

/**
 * The addresses that several users have verified. Lists of names cannot leave memory, so only addresses
 * that are shown get one, and no list is longer than what is shown of it.
 */
function selectDuplicates(users: string, limit: number): string {
  const verified = `SELECT username, lower(email) AS email FROM ${users}
    WHERE email_verified AND email IS NOT NULL`;
  return `WITH duplicate AS MATERIALIZED (
      SELECT email, count(*)::INTEGER AS users FROM (${verified}) GROUP BY email HAVING count(*) > 1
    ), shown AS (
      SELECT * FROM duplicate ORDER BY email LIMIT ${limit}
    )
    SELECT email, users, min(username, ${MOST_NAMES}) AS names,
      (SELECT count(*) FROM duplicate)::INTEGER AS total
    FROM shown JOIN (${verified}) USING (email) GROUP BY email, users ORDER BY email`;
}

/** The first rows of a query, and how many it has. Counting apart leaves no row in memory. */
function selectSome(found: string, order: string, limit: number): string {
  return `SELECT *, (SELECT count(*) FROM (${found}))::INTEGER AS total
    FROM (${found}) ORDER BY ${order} LIMIT ${limit}`;
}

/** @param sql gives rows that have the number of all as `total` */
async function list<T>(statements: Statements, sql: string): Promise<Listed<T>> {
  const rows = await statements.rows<T & { total: number }>(sql);
  return {
    total: rows[0]?.total ?? 0,
    shown: rows.map(({ total: _, ...row }) => row as T),
  };
}

/** The tables of a snapshot. */
interface Tables {
  readonly users: string;
  readonly groups: string;
  readonly memberships: string;
}
