import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { formatCommand } from '../common/command.ts';
import { ActionRequiredError } from '../model/errors.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Queryable } from './connection.ts';
import { INSUFFICIENT_PRIVILEGE } from './database-error.ts';
import { inspectSchemas, requireOwn } from './own-schemas.ts';
import { requireUsable } from './require-usable.ts';
import { openSession } from './session/open-session.ts';

/** The same folder from src/postgres and from dist/postgres. */
const MIGRATIONS = fileURLToPath(new URL('../../migrations/', import.meta.url));

/**
 * Brings the schema of the database up to date. If several processes call it at once, one migrates and
 * the others wait.
 *
 * @returns the names of the applied migrations, in order; empty if the schema was up to date.
 * @throws ActionRequiredError if the database cannot hold the schema, or a newer program migrated it.
 */
export async function migrate(url: string, log?: Logger): Promise<string[]> {
  const client = await openSession(url, 'cognito-mirror migrate', { log });
  try {
    await requireUsable(client);
    const schemas = await inspectSchemas(client);
    const known = await knownMigrations();
    const isCurrent = known.every((name) => schemas.applied?.includes(name));
    if (isCurrent && schemas.refusal === null) {
      refuseNewer(schemas.applied, known);
      return [];
    }
    return await applyPending(client, known);
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code === INSUFFICIENT_PRIVILEGE) {
      throw new ActionRequiredError(
        [
          {
            subject: 'DATABASE_URL',
            problem: 'its role may not create or change the schemas `directory` and `mirror`.',
            remedy:
              'Run `migrate` with the role that owns them, or GRANT CREATE ON DATABASE to this one.',
          },
        ],
        { cause: error },
      );
    }
    throw error;
  } finally {
    await client.end();
  }
}

/**
 * Requires the schema of this version of the program.
 *
 * @throws ActionRequiredError if migrations are missing, or a newer program migrated it.
 */
export async function requireMigrated(db: Queryable): Promise<void> {
  const known = await knownMigrations();
  const schemas = await inspectSchemas(db);
  requireOwn(schemas);
  const applied = schemas.applied ?? [];
  refuseNewer(applied, known);
  const missing = known.filter((name) => !applied.includes(name));
  if (missing.length === 0) return;
  throw new ActionRequiredError([
    {
      subject: 'database schema',
      problem: `lacks ${missing.join(', ')}.`,
      remedy: `Run \`${formatCommand(['migrate'])}\`.`,
    },
  ]);
}

/** True if the database has a mirror, or schemas that `migrate` refuses. */
export async function isMigrated(url: string, log?: Logger): Promise<boolean> {
  const client = await openSession(url, 'cognito-mirror', { log });
  try {
    const { applied, refusal } = await inspectSchemas(client);
    return refusal !== null || (applied ?? []).length > 0;
  } finally {
    await client.end();
  }
}

async function knownMigrations(): Promise<string[]> {
  return (await readdir(MIGRATIONS)).map((file) => file.replace(/\.sql$/, ''));
}

function refuseNewer(applied: readonly string[] | null, known: readonly string[]): void {
  const unknown = (applied ?? []).filter((name) => !known.includes(name));
  if (unknown.length === 0) return;
  throw new ActionRequiredError([
    {
      subject: 'database schema',
      problem: `was brought up to date by a newer cognito-mirror (${unknown.join(', ')}).`,
      remedy: 'Update this program, or use another database.',
    },
  ]);
}

/** Under the lock no other process migrates, so the schemas are never half migrated here. */
async function applyPending(client: pg.Client, known: readonly string[]): Promise<string[]> {
  const { runner, PG_MIGRATE_LOCK_ID } = await import('node-pg-migrate');
  await client.query('SELECT pg_advisory_lock($1)', [PG_MIGRATE_LOCK_ID]);
  try {
    const schemas = await inspectSchemas(client);
    requireOwn(schemas);
    refuseNewer(schemas.applied, known);
    if (schemas.applied !== null) await client.query(CONTINUE_NUMBERS);
    const silent = () => {};
    const applied = await runner({
      dbClient: client,
      dir: MIGRATIONS,
      direction: 'up',
      migrationsSchema: 'mirror',
      migrationsTable: 'migrations',
      createMigrationsSchema: true,
      // This process has the lock already.
      noLock: true,
      logger: { debug: silent, info: silent, warn: silent, error: silent },
    });
    // Readers that are restricted must not see more in what the migrations added.
    await client.query('SELECT mirror.apply_restrictions()');
    return applied.map((migration) => migration.name);
  } finally {
    await client.query('SELECT pg_advisory_unlock($1)', [PG_MIGRATE_LOCK_ID]).catch(() => {});
  }
}

/** Logical replication copies rows but not sequences, so they restart on a promoted replica. */
const CONTINUE_NUMBERS = `
  SELECT setval(pg_get_serial_sequence('mirror.migrations', 'id'), max(id))
  FROM mirror.migrations HAVING max(id) IS NOT NULL`;
