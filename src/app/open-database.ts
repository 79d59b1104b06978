import type pg from 'pg';
import type { Config } from '../config/config.ts';
import { openPool } from '../postgres/connection.ts';
import { type Database, findDatabase, openDatabase } from '../postgres/database.ts';
import { isMigrated, migrate } from '../postgres/migrate.ts';
import type { Logger } from '../telemetry/logger.ts';

/** Connections of one process: each of its steps uses a few. */
const CONNECTIONS = 10;

/** The mirror's database, open and with the newest schema. */
export interface MirrorDatabase {
  readonly db: pg.Pool;
  readonly databaseUrl: string;
  close(): Promise<void>;
}

/**
 * Opens the mirror's database, and creates or updates it first.
 *
 * @throws ActionRequiredError if it cannot be reached, or has the schema of a newer program
 */
export async function openMirrorDatabase(
  config: Config,
  log: Logger,
  signal: AbortSignal,
): Promise<MirrorDatabase> {
  return toMirrorDatabase(await openDatabase(config, signal, log), log);
}

/**
 * The same for commands that create nothing.
 *
 * @returns null if there is no mirror yet
 */
export async function findMirrorDatabase(
  config: Config,
  log: Logger,
  signal: AbortSignal,
): Promise<MirrorDatabase | null> {
  const database = await findDatabase(config, signal, log);
  if (database === null) return null;
  const isThere = await isMigrated(database.url, log).catch(async (error: unknown) => {
    await database.close();
    throw error;
  });
  if (isThere) return toMirrorDatabase(database, log);
  await database.close();
  return null;
}

async function toMirrorDatabase(database: Database, log: Logger): Promise<MirrorDatabase> {
  try {
    await migrate(database.url, log);
  } catch (error) {
    await database.close();
    throw error;
  }
  const db = openPool(database.url, CONNECTIONS, log);
  return {
    db,
    databaseUrl: database.url,
    async close() {
      await db.end();
      await database.close();
    },
  };
}
