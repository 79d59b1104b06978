import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { ConfigurationError } from '../model/errors.ts';

/** The same folder from src/postgres and from dist/postgres. */
const MIGRATIONS = fileURLToPath(new URL('../../migrations/', import.meta.url));

/**
 * Brings the database's schema up to date; many may ask at once, one does it and the rest wait.
 *
 * @returns the names of the migrations that were applied, in order; none where all were.
 * @throws ConfigurationError where a newer program has been at work on the database.
 */
export async function migrate(url: string): Promise<string[]> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'cognito-mirror migrate',
  });
  await client.connect();
  try {
    await refuseNewerSchema(client);
    const { runner } = await import('node-pg-migrate');
    const silent = () => {};
    const applied = await runner({
      dbClient: client,
      dir: MIGRATIONS,
      direction: 'up',
      migrationsSchema: 'mirror',
      migrationsTable: 'migrations',
      createMigrationsSchema: true,
      advisoryLockMode: 'wait',
      logger: { debug: silent, info: silent, warn: silent, error: silent },
    });
    return applied.map((migration) => migration.name);
  } finally {
    await client.end();
  }
}

async function refuseNewerSchema(client: pg.Client): Promise<void> {
  const known = new Set((await readdir(MIGRATIONS)).map((file) => file.replace(/\.sql$/, '')));
  const table = await client.query<{ present: boolean }>(
    `SELECT to_regclass('mirror.migrations') IS NOT NULL AS present`,
  );
  if (!table.rows[0]?.present) return;
  const applied = await client.query<{ name: string }>(
    'SELECT name FROM mirror.migrations ORDER BY name',
  );
  const unknown = applied.rows.map((row) => row.name).filter((name) => !known.has(name));
  if (unknown.length === 0) return;
  throw new ConfigurationError([
    {
      subject: 'database schema',
      problem: `was brought up to date by a newer cognito-mirror (${unknown.join(', ')}).`,
      remedy: 'Update this program, or use another database.',
    },
  ]);
}
