import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { inject } from 'vitest';

/** The migrated, empty database that test databases are copies of. */
export const TEMPLATE = 'mirror_template';

/** A database of a test's own. */
export interface TestDatabase {
  readonly url: string;
  /** Drops it, ending the sessions that still use it. */
  drop(): Promise<void>;
}

/** Makes a migrated, empty database on the suite's Postgres. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const name = `test_${randomBytes(8).toString('hex')}`;
  await runOnServer(`CREATE DATABASE ${name} TEMPLATE ${TEMPLATE}`);
  const url = new URL(inject('postgresUrl'));
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => runOnServer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
}

/** Runs one statement outside every test's database. */
async function runOnServer(statement: string): Promise<void> {
  const client = new Client({ connectionString: inject('postgresUrl') });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
