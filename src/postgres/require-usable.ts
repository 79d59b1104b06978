import { ActionRequiredError, type Problem } from '../model/errors.ts';
import type { Queryable } from './connection.ts';

/** Postgres 14 introduced SQL functions with a parsed body (BEGIN ATOMIC). */
const OLDEST = 14;

/** @throws ActionRequiredError with every reason why the database cannot hold a mirror. */
export async function requireUsable(db: Queryable): Promise<void> {
  const probe = await db.query<{ version: number; encoding: string; readOnly: string }>(
    `SELECT current_setting('server_version_num')::integer / 10000 AS version,
       current_setting('server_encoding') AS encoding,
       current_setting('transaction_read_only') AS "readOnly"`,
  );
  const { version = OLDEST, encoding, readOnly } = probe.rows[0] ?? {};
  const problems: Problem[] = [];
  const refuse = (problem: string, remedy: string) =>
    problems.push({ subject: 'DATABASE_URL', problem, remedy });
  if (version < OLDEST) {
    refuse(`the server is Postgres ${version}.`, `Use Postgres ${OLDEST} or newer.`);
  }
  if (encoding !== 'UTF8') {
    refuse(
      `the database is encoded in ${encoding}, which cannot hold every name.`,
      'Create one with `createdb --encoding=UTF8 --template=template0 NAME`.',
    );
  }
  if (readOnly === 'on') {
    refuse('the database is read-only, as a standby is.', 'Name the primary server.');
  }
  if (problems.length > 0) throw new ActionRequiredError(problems);
}
