import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { openEmbeddedPostgres } from '../../src/postgres/embedded/open.ts';
import { migrate } from '../../src/postgres/migrate.ts';
import { runSql, TEMPLATE } from './postgres.ts';
import { makeSuiteFolder } from './suite-folder.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** URL of the suite's own Postgres, which `createTestDatabase` makes databases in. */
    postgresUrl: string;
  }
}

/** Starts the suite's Postgres with the migrated template database, and stops it at the end. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const home = join(makeSuiteFolder(), 'suite');
  const postgres = await openEmbeddedPostgres(home);
  await runSql(postgres.url, `CREATE DATABASE ${TEMPLATE}`);
  await migrate(withDatabase(postgres.url, TEMPLATE));
  project.provide('postgresUrl', postgres.url);
  return () => postgres.close();
}

function withDatabase(url: string, name: string): string {
  const other = new URL(url);
  other.pathname = `/${name}`;
  return other.href;
}
