import type { Concerns, ConcernsQuestion, Listed, ListedUser } from '../../model/report-source.ts';
import { joinUserAsOf, selectAsOf } from './as-of.ts';
import type { Asking } from './ask.ts';

/** The most names that an entry of a list shows. */
const MOST_NAMES = 10;

/** What deserves a look in the state of a pool at a moment. Each list reads a table once or twice. */
export async function findConcerns(
  asking: Asking,
  at: Date,
  { unchangedSince, limit }: ConcernsQuestion,
): Promise<Concerns> {
  return {
    unconfirmed: await find(asking, at, limit, UNCONFIRMED, unchangedSince),
    disabledPrivileged: await find(asking, at, limit, DISABLED_PRIVILEGED),
    ties: await find(asking, at, limit, TIES),
    duplicateEmails: await findDuplicates(asking, at, limit),
    ungrouped: await find(asking, at, limit, UNGROUPED),
  };
}

/** A search as SQL. $1 is the pool, $2 the moment, $3 the limit and $4 a further value. */
interface Search {
  /** The query of all that is found. */
  readonly found: string;
  readonly order: string;
  /** The columns of those that are shown, of the first `m` and what is joined. */
  readonly columns: string;
  /** What is looked up only for those that are shown. */
  readonly joins: string;
}

/** A user that was found by name alone. */
const USER = 'm.username, u.name, u.email, u.status';

const UNCONFIRMED: Search = {
  found: selectAsOf(
    'users',
    'username, modified_at',
    `status = 'UNCONFIRMED' AND modified_at <= $4`,
  ),
  order: 'modified_at, username',
  columns: `${USER}, m.modified_at AS "unchangedSince"`,
  joins: joinUserAsOf('name, email, status'),
};

const ROLE_GROUPS = selectAsOf('groups', 'group_name', 'role_arn IS NOT NULL');

const DISABLED_PRIVILEGED: Search = {
  found: `SELECT username FROM (${selectAsOf('users', 'username', 'NOT enabled')}) AS d
    WHERE EXISTS (
      SELECT FROM (${selectAsOf('memberships', 'username, group_name', 'true')}) AS m
      JOIN (${ROLE_GROUPS}) AS g USING (group_name) WHERE m.username = d.username
    )`,
  order: 'username',
  columns: `${USER}, g."groupNames"`,
  joins: `${joinUserAsOf('name, email, status')} CROSS JOIN LATERAL (
    SELECT array_agg(group_name ORDER BY group_name) AS "groupNames"
    FROM (${selectAsOf('memberships', 'group_name', 'username = m.username')}) AS own
    JOIN (${ROLE_GROUPS}) AS r USING (group_name)
  ) AS g`,
};

/** The groups with their rank: the lowest precedence value decides, and null is the lowest rank. */
const RANKED = `SELECT group_name, role_arn, coalesce(precedence, 2147483648) AS level
  FROM (${selectAsOf('groups', 'group_name, role_arn, precedence', 'true')}) AS each`;

const MEMBERS = selectAsOf('memberships', 'username, group_name', 'true');

const TIES: Search = {
  found: `SELECT username, level FROM (
      SELECT username, level FROM (${MEMBERS}) AS m JOIN (${RANKED}) AS g USING (group_name)
      WHERE role_arn IS NOT NULL
      GROUP BY username, level HAVING min(role_arn) <> max(role_arn)
    ) AS tied
    WHERE NOT EXISTS (
      SELECT FROM (${selectAsOf('memberships', 'group_name', 'username = tied.username')}) AS own
      JOIN (${RANKED}) AS g USING (group_name) WHERE g.level < tied.level
    )`,
  order: 'username',
  columns: `${USER}, g.groups`,
  joins: `${joinUserAsOf('name, email, status')} CROSS JOIN LATERAL (
    SELECT jsonb_agg(
      jsonb_build_object('groupName', group_name, 'roleArn', role_arn) ORDER BY group_name
    ) AS groups
    FROM (${selectAsOf('memberships', 'group_name', 'username = m.username')}) AS own
    JOIN (${RANKED}) AS r USING (group_name) WHERE r.level = m.level AND role_arn IS NOT NULL
  ) AS g`,
};

const UNGROUPED: Search = {
  found: `SELECT username FROM (${selectAsOf('users', 'username', 'true')}) AS u
    WHERE NOT EXISTS (SELECT FROM (${MEMBERS}) AS m WHERE m.username = u.username)`,
  order: 'username',
  columns: USER,
  joins: joinUserAsOf('name, email, status'),
};

const DUPLICATES: Search = {
  found: `SELECT lower(email) AS address, count(*) AS users
    FROM (${selectAsOf('users', 'email', 'email_verified AND email IS NOT NULL')}) AS each
    GROUP BY lower(email) HAVING count(*) > 1`,
  order: 'address COLLATE "C"',
  columns: 'm.address AS email, m.users, n.names',
  joins: `CROSS JOIN LATERAL (
    SELECT array_agg(username ORDER BY username) AS names FROM (
      SELECT username FROM (${selectAsOf(
        'users',
        'username',
        // The first condition is that of the index.
        `"left"(lower(email), 320) COLLATE "C" = "left"(m.address, 320)
           AND lower(email) = m.address AND email_verified`,
      )}) AS own
      ORDER BY username LIMIT ${MOST_NAMES}
    ) AS first
  ) AS n`,
};

async function findDuplicates(
  asking: Asking,
  at: Date,
  limit: number,
): Promise<Concerns['duplicateEmails']> {
  type Row = { email: string; users: number; names: string[] };
  const { total, shown } = await find<Row>(asking, at, limit, DUPLICATES);
  return {
    total,
    shown: shown.map(({ email, users, names }) => ({
      email,
      usernames: { total: users, shown: names },
    })),
  };
}

async function find<T = ListedUser>(
  { db, poolId }: Asking,
  at: Date,
  limit: number,
  { found, order, columns, joins }: Search,
  value?: unknown,
): Promise<Listed<T>> {
  const { rows } = await db.query<T & { total: number }>(
    `WITH found AS MATERIALIZED (${found})
     SELECT (SELECT count(*) FROM found) AS total, ${columns}
     FROM (SELECT * FROM found ORDER BY ${order} LIMIT $3) AS m
     ${joins} ORDER BY ${order.replaceAll(/\b(modified_at|username|address)\b/g, 'm.$1')}`,
    [poolId, at, limit, ...(value === undefined ? [] : [value])],
  );
  return {
    total: rows[0]?.total ?? 0,
    shown: rows.map(({ total: _, ...row }) => row as T),
  };
}
