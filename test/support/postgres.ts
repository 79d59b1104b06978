import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { Client } from 'pg';
import { afterEach, beforeEach, inject } from 'vitest';
import { openPool } from '../../src/postgres/connection.ts';
import { migrate } from '../../src/postgres/migrate.ts';

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
  const server = inject('postgresUrl');
  const name = `test_${randomBytes(8).toString('hex')}`;
  await runSql(server, `CREATE DATABASE ${name} TEMPLATE ${TEMPLATE}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    drop: () => dropDatabase(server, name),
  };
}

/** Makes a migrated, empty database on a server whose superuser the test is. */
export async function createDatabaseOn(server: string): Promise<TestDatabase> {
  const name = `test_${randomBytes(8).toString('hex')}`;
  await runSql(server, `CREATE DATABASE ${name}`);
  const { href } = Object.assign(new URL(server), { pathname: `/${name}` });
  await migrate(href);
  return { url: href, drop: () => dropDatabase(server, name) };
}

/**
 * Makes a migrated, empty database for each test of a file and hands it over, with the program's
 * own pool of at most `connections`; both are gone after the test.
 */
export function databaseForEach(
  connections: number,
  opened: (database: { url: string; db: pg.Pool }) => void,
): void {
  let database: TestDatabase;
  let db: pg.Pool;
  beforeEach(async () => {
    database = await createTestDatabase();
    db = openPool(database.url, connections);
    opened({ url: database.url, db });
  });
  afterEach(async () => {
    await db.end();
    await database.drop();
  });
}

/**
 * Drops a database that may be in use. FORCE ends the sessions that are left, but refuses where an
 * autovacuum is at work, which belongs to a superuser; without FORCE, Postgres ends autovacuums,
 * and refuses where sessions are left.
 */
export async function dropDatabase(server: string, name: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const force = attempt % 2 === 1 ? 'WITH (FORCE)' : '';
    try {
      await runSql(server, `DROP DATABASE IF EXISTS ${name} ${force}`);
      return;
    } catch (error) {
      const refusal = (error as { code?: string }).code ?? '';
      if (!REFUSALS.includes(refusal) || attempt === MOST_DROPS) throw error;
    }
  }
}

/** insufficient_privilege and object_in_use. */
const REFUSALS = ['42501', '55006'];
const MOST_DROPS = 10;

/** Runs one statement on a connection of its own, and gives its rows. */
export async function runSql(
  url: string,
  sql: string,
  values: readonly unknown[] = [],
): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(sql, [...values])).rows;
  } finally {
    await client.end();
  }
}
