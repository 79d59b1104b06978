import type { GroupDifference, Span, UserDifference, Version } from '../../model/history.ts';
import type { Dataset } from '../../model/snapshot.ts';
import type { Queryable } from '../connection.ts';
import { isKey, listColumns, listWritten, writtenColumns } from '../store/columns.ts';
import { type StageTables, stageTables } from '../store/stage.ts';
import { HISTORIES, type Sides, selectSides } from '../store/versions.ts';
import { selectAsOf } from './as-of.ts';
import type { Asking } from './ask.ts';

/**
 * The users that may differ between two states, in the order of their names. It reads only versions that
 * began or ended in between, through their indexes.
 *
 * @param group only members of this group in one of the two states.
 */
export async function* streamUserDifferences(
  asking: Asking,
  span: Span,
  group: string | null,
): AsyncIterable<UserDifference[]> {
  const sql = selectUserDifferences(
    selectStates('users', span),
    selectStates('memberships', span),
    `$3::text IS NULL OR $3 = ANY (m.joined)
      OR username IN (${selectAsOf('memberships', 'username', 'group_name = $3')})`,
  );
  for await (const rows of asking.stream<Row>(sql, valuesOf(asking, span, group))) {
    yield rows.map(pickUserDifference);
  }
}

/** The same for the users with these names, between two published states. */
export async function listUserDifferences(
  db: Queryable,
  poolId: string,
  { from, to }: { readonly from: Date; readonly to: Date },
  usernames: readonly string[],
): Promise<UserDifference[]> {
  const times = { pool: '$1', from: '$2', to: '$3' };
  const theirs = (dataset: Dataset): Sides => {
    const { before, after } = selectSides(dataset, listWritten(dataset), times);
    const narrow = (side: string) => `SELECT * FROM (${side}) AS side WHERE username = ANY ($4)`;
    return { before: narrow(before), after: narrow(after) };
  };
  const sql = selectUserDifferences(theirs('users'), theirs('memberships'), 'true');
  const found = await db.query<Row>(sql, [poolId, from, to, usernames]);
  return found.rows.map(pickUserDifference);
}

/** The groups that differ between two published states and follow a name, at most `limit`. */
export async function listGroupDifferences(
  db: Queryable,
  poolId: string,
  { from, to }: { readonly from: Date; readonly to: Date },
  { after: name, limit }: { readonly after: string; readonly limit: number },
): Promise<GroupDifference[]> {
  const times = { pool: '$1', from: '$2', to: '$3' };
  const { before, after } = selectSides('groups', listWritten('groups'), times);
  const found = await db.query<Row>(
    `SELECT group_name, ${selectVersions('groups')}
     FROM (${before}) AS b FULL JOIN (${after}) AS a USING (group_name)
     WHERE group_name > $4 ORDER BY group_name LIMIT $5`,
    [poolId, from, to, name, limit],
  );
  return found.rows.map(pickGroupDifference);
}

function selectUserDifferences(users: Sides, memberships: Sides, condition: string): string {
  return `
    WITH moved AS (
      SELECT username, min(sub) AS sub,
        coalesce(array_agg(group_name ORDER BY group_name) FILTER (WHERE side > 0), '{}') AS joined,
        coalesce(array_agg(group_name ORDER BY group_name) FILTER (WHERE side < 0), '{}') AS "left"
      FROM (
        SELECT username, group_name, sub, sum(side) AS side
        FROM (
          SELECT username, group_name, sub, -1 AS side FROM (${memberships.before}) AS before
          UNION ALL
          SELECT username, group_name, sub, 1 FROM (${memberships.after}) AS after
        ) AS sides
        GROUP BY username, group_name, sub
        HAVING sum(side) <> 0
      ) AS net
      GROUP BY username
    )
    SELECT username, ${selectVersions('users')},
      m.sub AS "memberSub", coalesce(m.joined, '{}') AS joined, coalesce(m."left", '{}') AS "left"
    FROM (${users.before}) AS b
    FULL JOIN (${users.after}) AS a USING (username)
    FULL JOIN moved AS m USING (username)
    WHERE ${condition}
    ORDER BY username`;
}

function pickUserDifference(row: Row): UserDifference {
  return {
    username: row['username'] as string,
    ...pickVersions('users', row),
    memberSub: row['memberSub'] as string | null,
    joined: row['joined'] as string[],
    left: row['left'] as string[],
  };
}

function pickGroupDifference(row: Row): GroupDifference {
  return { groupName: row['group_name'] as string, ...pickVersions('groups', row) };
}

/** The groups that may differ between two states, in the order of their names. */
export async function* streamGroupDifferences(
  asking: Asking,
  span: Span,
  group: string | null,
): AsyncIterable<GroupDifference[]> {
  const { before, after } = selectStates('groups', span);
  const sql = `
    SELECT group_name, ${selectVersions('groups')}
    FROM (${before}) AS b FULL JOIN (${after}) AS a USING (group_name)
    WHERE $3::text IS NULL OR group_name = $3
    ORDER BY group_name`;
  for await (const rows of asking.stream<Row>(sql, valuesOf(asking, span, group))) {
    yield rows.map(pickGroupDifference);
  }
}

/** True if one of the two states has the group. */
export async function hasGroup(asking: Asking, span: Span, group: string): Promise<boolean> {
  const found = await asking.db.query<{ exists: boolean }>(
    `SELECT EXISTS (${selectAsOf('groups', 'group_name', 'group_name = $3')})
       OR EXISTS (SELECT FROM (${selectStates('groups', span).after}) AS a WHERE group_name = $3)
       AS exists`,
    valuesOf(asking, span, group),
  );
  return found.rows[0]?.exists ?? false;
}

type Row = Readonly<Record<string, unknown>>;

/**
 * $1 is the pool, $2 the earlier time, $3 the group, $4 the later time, if that is published, and $5 the
 * pool of the later state, if that is another one.
 */
function valuesOf({ poolId }: Asking, { from, to, toPool }: Span, group: string | null): unknown[] {
  const later = to.staged ? [] : [to.snapshotAt];
  const values = [poolId, from?.snapshotAt ?? '-infinity', group, ...later];
  return toPool === undefined ? values : [...values, toPool];
}

/** Columns of a version that are compared. */
const contentColumns = (dataset: Dataset) =>
  writtenColumns(dataset).filter((column) => !isKey(column));

function selectVersions(dataset: Dataset): string {
  const columns = contentColumns(dataset).flatMap(({ name }) => [
    `b.${name} AS before_${name}`,
    `a.${name} AS after_${name}`,
  ]);
  // The whole rows are null if a side has none: each of them has a column that never is.
  return [
    ...columns,
    'b.escaped IS NOT NULL AS "hasBefore"',
    'a.escaped IS NOT NULL AS "hasAfter"',
  ].join(', ');
}

function pickVersions(
  dataset: Dataset,
  row: Row,
): { before: Version | null; after: Version | null } {
  const columns = contentColumns(dataset);
  const pick = (side: string) =>
    Object.fromEntries(columns.map(({ name }) => [name, row[`${side}_${name}`]]));
  return {
    before: row['hasBefore'] ? pick('before') : null,
    after: row['hasAfter'] ? pick('after') : null,
  };
}

function selectStates(dataset: Dataset, { to, toPool }: Span): Sides {
  if (toPool !== undefined) return selectPools(dataset);
  return to.staged === null
    ? selectSides(dataset, listWritten(dataset), { pool: '$1', from: '$2', to: '$4' })
    : selectHeldSides(dataset, stageTables(to.staged.stage));
}

/** The whole states of two pools. No user has the same `sub` in both, so memberships are without. */
function selectPools(dataset: Dataset): Sides {
  const columns = writtenColumns(dataset)
    .map(({ name }) => (dataset === 'memberships' && name === 'sub' ? 'NULL::text AS sub' : name))
    .join(', ');
  return {
    before: selectAsOf(dataset, columns, 'true'),
    after: selectAsOf(dataset, columns, 'true', { pool: '$5', at: '$4' }),
  };
}

/** The same with a held snapshot as the later state. The statements of `publish` decide what it changes. */
function selectHeldSides(dataset: Dataset, t: StageTables): Sides {
  const columns = (table: string) => listColumns(writtenColumns(dataset), table);
  const { staged, joins, ends } = HELD[dataset](t);
  const current = `SELECT ${columns('c')} FROM directory.${dataset} AS c ${joins} WHERE c.pool_id = $1`;
  return {
    before: `SELECT ${columns('h')} FROM directory.${HISTORIES[dataset]} AS h
      WHERE h.pool_id = $1 AND h.valid_from <= $2 AND h.valid_to > $2
      UNION ALL ${current} AND c.valid_from <= $2 AND (${ends})`,
    after: `SELECT ${columns('s')} FROM ${staged}
      UNION ALL ${current} AND c.valid_from > $2 AND NOT (${ends})`,
  };
}

/** What a publication makes of a current row `c`, as SQL. */
interface Held {
  /** The staged rows `s` that it writes. */
  readonly staged: string;
  /** The tables that `ends` needs. */
  readonly joins: string;
  /** True if the current row ends with it. */
  readonly ends: string;
}

const HELD: Record<Dataset, (t: StageTables) => Held> = {
  // An unchanged user is staged without content, and a confirmed one is not staged.
  users: (t) => ({
    staged: `${t.users} AS s WHERE s.attributes IS NOT NULL`,
    joins: `LEFT JOIN ${t.users} AS s ON s.username = c.username
      LEFT JOIN ${t.confirmed} AS k ON k.username = c.username`,
    ends: 's.attributes IS NOT NULL OR (s.username IS NULL AND k.username IS NULL)',
  }),
  groups: (t) => ({ staged: `${t.groups} AS s`, joins: '', ends: 'true' }),
  memberships: (t) => ({
    staged: `${t.memberships} AS s WHERE NOT EXISTS (
      SELECT FROM directory.memberships AS c WHERE c.pool_id = $1 AND c.group_name = s.group_name
        AND c.username = s.username AND c.sub IS NOT DISTINCT FROM s.sub
    )`,
    joins: `LEFT JOIN ${t.memberships} AS s ON s.group_name = c.group_name
        AND s.username = c.username AND s.sub IS NOT DISTINCT FROM c.sub
      LEFT JOIN ${t.confirmed} AS k ON k.username = c.username
      LEFT JOIN ${t.groups} AS g ON g.group_name = c.group_name`,
    ends: 's.username IS NULL AND (k.username IS NULL OR g.group_name IS NULL)',
  }),
};
