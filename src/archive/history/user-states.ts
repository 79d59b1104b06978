import type { Moment, UserState } from '../../model/history.ts';
import { quoteLiteral } from '../duckdb.ts';
import { parseContent, selectContent } from './content.ts';
import { type ArchiveContext, positionOf, withReading } from './context.ts';

interface Row extends Omit<UserState, 'content'> {
  readonly content: string;
}

/**
 * The users of a snapshot that have one of these texts as username, `sub` or e-mail address, by name.
 * E-mail addresses compare without regard to case.
 */
export async function findUserStates(
  context: ArchiveContext,
  users: readonly string[],
  at: Moment,
): Promise<UserState[]> {
  const names = users.map(quoteLiteral);
  const addresses = names.map((name) => `lower(${name})`);
  const select = (table: string) =>
    `SELECT username, to_json(${selectContent('users')})::VARCHAR AS content, groups AS "groupNames"
     FROM ${table}
     WHERE username IN (${names.join(', ')}) OR sub IN (${names.join(', ')})
       OR lower(email) IN (${addresses.join(', ')})
     ORDER BY username`;
  const rows = await withReading(context, (reading) =>
    reading.using(positionOf(context, at), 'users', (table) =>
      reading.statements.rows<Row>(select(table)),
    ),
  );
  return rows.map((row) => ({ ...row, content: parseContent('users', row.content) }));
}
