import type { User } from '../../model/user.ts';
import type { Queryable } from '../connection.ts';
import type { Run } from '../run.ts';
import { stageTables } from '../stage-tables.ts';
import { stagedUser } from './staged-row.ts';

/**
 * Gives staged users their content, where they had been staged without it. One who is gone by now is
 * taken out of the stage.
 *
 * @param found each user, and the profile that has the name now; null where none has.
 */
export async function restageUsers(
  db: Queryable,
  run: Run,
  found: readonly { person: { username: string }; user: User | null }[],
): Promise<void> {
  const t = stageTables(run.stage);
  const gone = found.flatMap(({ person, user }) => (user === null ? [person.username] : []));
  await db.query(`DELETE FROM ${t.users} WHERE username = ANY ($1)`, [gone]);
  const rows = found.flatMap(({ user }) => (user === null ? [] : [stagedUser(0, user)]));
  await db.query(
    `UPDATE ${t.users} AS s SET sub = u.sub, modified_at = u.modified_at, hash = u.hash,
       status = u.status, enabled = u.enabled, created_at = u.created_at,
       attributes = u.attributes, mfa_options = u.mfa_options, escaped = u.escaped
     FROM jsonb_to_recordset($1) AS u (
       username text, sub text, modified_at timestamptz, hash uuid, status text, enabled boolean,
       created_at timestamptz, attributes jsonb, mfa_options jsonb, escaped text[]
     )
     WHERE s.username = u.username COLLATE "C"`,
    [`[${rows.join(',')}]`],
  );
}
