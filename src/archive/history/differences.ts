import type { GroupDifference, Span, UserDifference } from '../../model/history.ts';
import type { StateDataset } from '../../model/snapshot.ts';
import { quoteLiteral } from '../duckdb.ts';
import { parseContent, selectContent, selectDiffering } from './content.ts';
import { type ArchiveContext, positionOf, Reading, withReading } from './context.ts';
import { type KeyRange, listMembershipRanges, listUserRanges } from './key-ranges.ts';
import type { HeldParts } from './part-files.ts';

/** The parts of a dataset in two snapshots. Those of the state before the first have no rows. */
interface Sides {
  readonly before: HeldParts;
  readonly after: HeldParts;
}

/** Gets the parts of a dataset in both states, until the reading is closed. */
export async function holdSides(
  context: ArchiveContext,
  reading: Reading,
  { from, to }: Span,
  dataset: StateDataset,
): Promise<Sides> {
  const after = await reading.hold(positionOf(context, to), dataset);
  const before =
    from === null ? withoutRows(after) : await reading.hold(positionOf(context, from), dataset);
  return { before, after };
}

/** The columns of parts that are held, without their rows. */
function withoutRows(parts: HeldParts): HeldParts {
  return { ...parts, table: `(FROM ${parts.table} LIMIT 0)` };
}

/** A row that differs, with both contents as JSON; null where there is none. */
interface Difference {
  readonly name: string;
  readonly before: string | null;
  readonly after: string | null;
}

/** The rows that differ between two sides, with the content of both. */
function selectDifferences(
  { before, after }: Sides,
  dataset: 'users' | 'groups',
  key: string,
  condition: string,
): string {
  const side = ({ table }: HeldParts) =>
    `SELECT ${key}, ${selectContent(dataset)} AS content FROM ${table} WHERE ${condition}`;
  return `SELECT ${key}, ${selectDiffering(dataset, 'b', 'a')} AS before,
      ${selectDiffering(dataset, 'a', 'b')} AS after
    FROM (${side(before)}) AS b FULL JOIN (${side(after)}) AS a USING (${key})
    WHERE b.content IS DISTINCT FROM a.content`;
}

function parseSides(dataset: 'users' | 'groups', { before, after }: Difference) {
  return {
    before: before === null ? null : parseContent(dataset, before),
    after: after === null ? null : parseContent(dataset, after),
  };
}

/** The groups that differ between two snapshots, by name; or only the one that is named. */
export async function* streamGroupDifferences(
  context: ArchiveContext,
  span: Span,
  groupName: string | null,
): AsyncIterable<GroupDifference[]> {
  const reading = await Reading.open(context);
  try {
    const sides = await holdSides(context, reading, span, 'groups');
    const condition = groupName === null ? 'true' : `group_name = ${quoteLiteral(groupName)}`;
    const rows = reading.statements.stream<Difference>(
      `SELECT group_name AS name, before, after
       FROM (${selectDifferences(sides, 'groups', 'group_name', condition)}) ORDER BY name`,
    );
    for await (const batch of rows) {
      yield batch.map((row) => ({ groupName: row.name, ...parseSides('groups', row) }));
    }
  } finally {
    reading.close();
  }
}

/** True if one of two snapshots has the group. */
export async function hasGroup(
  context: ArchiveContext,
  span: Span,
  groupName: string,
): Promise<boolean> {
  return withReading(context, async (reading) => {
    const { before, after } = await holdSides(context, reading, span, 'groups');
    const found = await reading.statements.rows(
      `SELECT 1 FROM (FROM ${before.table} UNION ALL FROM ${after.table})
       WHERE group_name = $1 LIMIT 1`,
      [groupName],
    );
    return found.length > 0;
  });
}

interface UserRow extends Difference {
  readonly memberSub: string | null;
  readonly joined: readonly string[] | null;
  readonly departed: readonly string[] | null;
}

/**
 * The users that differ between two snapshots, by name: their rows or their memberships. It compares
 * range by range, so that memory depends neither on the size of the pool nor on the changes.
 *
 * @param groupName only members of this group in one of the two snapshots
 */
export async function* streamUserDifferences(
  context: ArchiveContext,
  span: Span,
  groupName: string | null,
): AsyncIterable<UserDifference[]> {
  const reading = await Reading.open(context);
  try {
    const users = await holdSides(context, reading, span, 'users');
    const memberships = await holdSides(context, reading, span, 'memberships');
    await compareMemberships(reading, memberships);
    for (const range of await listUserRanges(reading.statements, [users.before, users.after])) {
      const sql = selectUsers(users, memberships, range, groupName);
      for await (const batch of reading.statements.stream<UserRow>(sql)) {
        yield batch.map((row) => ({
          username: row.name,
          ...parseSides('users', row),
          memberSub: row.memberSub,
          joined: row.joined ?? [],
          left: row.departed ?? [],
        }));
      }
    }
  } finally {
    reading.close();
  }
}

/** Makes the table `moved`: the memberships that only one of two snapshots has. */
async function compareMemberships({ statements }: Reading, sides: Sides): Promise<void> {
  await statements.run(
    'CREATE TEMP TABLE moved (group_name VARCHAR, username VARCHAR, sub VARCHAR, side INTEGER)',
  );
  for (const range of await listMembershipRanges(statements, [sides.before, sides.after])) {
    const side = ({ table }: HeldParts, sign: number) =>
      `SELECT group_name, username, sub, ${sign} AS side FROM ${table} WHERE ${range}`;
    await statements.run(
      `INSERT INTO moved SELECT group_name, username, sub, sum(side)::INTEGER
       FROM (${side(sides.before, -1)} UNION ALL ${side(sides.after, 1)})
       GROUP BY ALL HAVING sum(side) <> 0`,
    );
  }
}

function selectUsers(
  users: Sides,
  memberships: Sides,
  range: KeyRange,
  groupName: string | null,
): string {
  const members = ({ table }: HeldParts) =>
    `SELECT username FROM ${table} WHERE group_name = ${quoteLiteral(groupName ?? '')} AND ${range}`;
  const isMember =
    groupName === null
      ? 'true'
      : `name IN (${members(memberships.before)} UNION ALL ${members(memberships.after)})`;
  const names = (condition: string) => `list(group_name ORDER BY group_name) FILTER (${condition})`;
  return `
    WITH differing AS (${selectDifferences(users, 'users', 'username', range)}),
    moves AS (
      SELECT username, min(sub) AS "memberSub",
        ${names('side > 0')} AS joined, ${names('side < 0')} AS departed
      FROM moved WHERE ${range} GROUP BY username
    )
    SELECT username AS name, before, after, "memberSub", joined, departed
    FROM differing FULL JOIN moves USING (username)
    WHERE ${isMember} ORDER BY name`;
}
