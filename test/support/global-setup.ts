import { existsSync } from 'node:fs';
import { Client } from 'pg';
import type { TestProject } from 'vitest/node';
import { openEmbeddedPostgres } from '../../src/postgres/embedded/open.ts';
import { TEMPLATE } from './postgres.ts';
import { temporaryFolder } from './temp.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** URL of the suite's own Postgres, which `createTestDatabase` makes databases in. */
    postgresUrl: string;
  }
}

/** Starts the suite's Postgres with the migrated template database, and stops it at the end. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const home = await temporaryFolder();
  const postgres = await openEmbeddedPostgres(home.path);
  const client = new Client({ connectionString: postgres.url });
  try {
    await client.connect();
    await client.query(`CREATE DATABASE ${TEMPLATE}`);
    if (existsSync(new URL('../../src/postgres/migrate.ts', import.meta.url))) {
      const { migrate } = await import('../../src/postgres/migrate.ts');
      await migrate(withDatabase(postgres.url, TEMPLATE));
    }
  } finally {
    await client.end();
  }
  project.provide('postgresUrl', postgres.url);
  return async () => {
    await postgres.close();
    await home.remove();
  };
}

function withDatabase(url: string, name: string): string {
  const other = new URL(url);
  other.pathname = `/${name}`;
  return other.href;
}
