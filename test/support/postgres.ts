import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
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

/** What ends sessions may not end an autovacuum, which ends by itself. */
async function dropDatabase(server: string, name: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await runSql(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
      return;
    } catch (error) {
      const isVacuumed = (error as { code?: string }).code === INSUFFICIENT_PRIVILEGE;
      if (!isVacuumed || attempt === MOST_DROPS) throw error;
      await sleep(100);
    }
  }
}

const INSUFFICIENT_PRIVILEGE = '42501';
const MOST_DROPS = 100;

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
