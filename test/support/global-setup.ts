import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { openEmbeddedPostgres } from '../../src/postgres/embedded/open.ts';
import { migrate } from '../../src/postgres/migrate.ts';
import { BROWSER_HINT, isBrowserMissing } from './chromium.ts';
import { serverPid } from './embedded-server.ts';
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
  if (isBrowserMissing) console.warn(`${BROWSER_HINT} They are skipped.\n`);
  const home = join(makeSuiteFolder(), 'suite');
  const postgres = await openEmbeddedPostgres(home);
  await skipDiskFlushes(home);
  await runSql(postgres.url, `CREATE DATABASE ${TEMPLATE}`);
  await migrate(withDatabase(postgres.url, TEMPLATE));
  project.provide('postgresUrl', postgres.url);
  return () => postgres.close();
}

/** Turns off what protects data from a crash of the machine: the data of a suite is not needed again. */
async function skipDiskFlushes(home: string): Promise<void> {
  const settings = join(home, 'postgres/data/postgresql.auto.conf');
  await appendFile(settings, 'fsync = off\nfull_page_writes = off\n');
  process.kill((await serverPid(home)) as number, 'SIGHUP');
}

function withDatabase(url: string, name: string): string {
  const other = new URL(url);
  other.pathname = `/${name}`;
  return other.href;
}
