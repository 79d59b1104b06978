import type { MembershipVersion, NamedMembership } from '../../model/history.ts';
import { type ArchiveContext, withReading } from './context.ts';

/** A membership that is followed from the first snapshot that has it. */
interface Followed extends Pick<MembershipVersion, 'index' | 'groupName' | 'username'> {
  readonly sub: string | null;
  goneAt: Date | null;
  backAt: Date | null;
}

interface Row {
  readonly groupName: string;
  readonly username: string;
  readonly sub: string | null;
}

/**
 * The versions that match each membership. A version begins at its time, or at the first snapshot after
 * it if the archive has none with this time.
 */
export async function findMembershipVersions(
  context: ArchiveContext,
  memberships: readonly NamedMembership[],
): Promise<MembershipVersion[]> {
  const followed: Followed[] = [];
  let waiting = memberships.map((named, index) => ({ index, named, names: formsOf(named) }));
  let before: ReadonlyMap<string, Row> = new Map();
  await withReading(context, async (reading) => {
    const names = waiting.flatMap((each) => each.names);
    await reading.statements.run(
      `CREATE TEMP TABLE asked AS SELECT DISTINCT
         unnest(from_json($1, '["VARCHAR"]')) AS group_name,
         unnest(from_json($2, '["VARCHAR"]')) AS username`,
      [
        JSON.stringify(names.map(({ groupName }) => groupName)),
        JSON.stringify(names.map(({ username }) => username)),
      ],
    );
    const select = (table: string) =>
      `SELECT group_name AS "groupName", username, sub
       FROM ${table} SEMI JOIN asked USING (group_name, username)`;
    for await (const { at, rows } of reading.walk<Row>('memberships', select)) {
      const present = new Map(rows.map((row) => [keyOf(row), row]));
      for (const each of followed) follow(each, at, isPerson(present, each));
      const starting = waiting.filter(({ named }) => named.memberSince <= at);
      waiting = waiting.filter(({ named }) => named.memberSince > at);
      for (const { index, named, names: forms } of starting) {
        const isExact = named.memberSince.getTime() === at.getTime();
        for (const form of forms) {
          const row = present.get(keyOf(form));
          // What an earlier snapshot has did not begin then.
          if (row === undefined || (isExact && isPerson(before, row))) continue;
          followed.push({ ...row, index, goneAt: null, backAt: null });
        }
      }
      before = present;
    }
  });
  return followed
    .map(({ index, groupName, username, goneAt, backAt }) => ({
      ...{ index, groupName, username, validTo: goneAt, backSince: backAt },
    }))
    .sort((a, b) => a.index - b.index);
}

function follow(each: Followed, at: Date, isThere: boolean): void {
  if (each.goneAt === null) {
    if (!isThere) each.goneAt = at;
  } else if (!isThere) {
    each.backAt = null;
  } else {
    each.backAt ??= at;
  }
}

/** The names that a membership may have: a spreadsheet adds and removes apostrophes. */
function formsOf({ groupName, username }: NamedMembership) {
  const forms = (name: string) => {
    const bare = name.replace(/^'+/, '');
    return [...new Set([name, bare, `'${bare}`])];
  };
  return forms(groupName).flatMap((group) =>
    forms(username).map((user) => ({ groupName: group, username: user })),
  );
}

/** True if the same person is in the same group. */
function isPerson(present: ReadonlyMap<string, Row>, { groupName, username, sub }: Row): boolean {
  return present.get(keyOf({ groupName, username }))?.sub === sub;
}

function keyOf({ groupName, username }: Pick<Row, 'groupName' | 'username'>): string {
  return JSON.stringify([groupName, username]);
}
