import type pg from 'pg';
import type { Config } from '../config/config.ts';
import { openPool } from '../postgres/connection.ts';
import {
  type Database,
  describeLocation,
  findDatabase,
  NoMirrorError,
  openDatabase,
} from '../postgres/database.ts';
import { isMigrated, migrate } from '../postgres/migrate.ts';
import { createLogger, type Logger } from '../telemetry/logger.ts';

/** Connections of one process: its steps use few each. */
const CONNECTIONS = 10;

/** The mirror's database, open and up to date. */
export interface MirrorDatabase {
  readonly db: pg.Pool;
  readonly databaseUrl: string;
  close(): Promise<void>;
}

/**
 * Opens the mirror's database, and brings its schema up to date.
 *
 * @throws ConfigurationError where it cannot be reached, or a newer program has been at work on it.
 */
export async function openMirrorDatabase(
  config: Config,
  signal: AbortSignal,
): Promise<MirrorDatabase> {
  const log = createLogger({ level: config.logLevel });
  return toMirror(await openDatabase(config, signal, log), log);
}

/**
 * The same for commands that make no mirror where there is none.
 *
 * @returns null where nothing is mirrored yet; then nothing was made.
 */
export async function findMirrorDatabase(
  config: Config,
  signal: AbortSignal,
): Promise<MirrorDatabase | null> {
  const log = createLogger({ level: config.logLevel });
  const database = await findDatabase(config, signal, log);
  if (database === null) return null;
  const isThere = await isMigrated(database.url, log).catch(async (error: unknown) => {
    await database.close();
    throw error;
  });
  if (isThere) return toMirror(database, log);
  await database.close();
  return null;
}

/** @throws ConfigurationError where nothing is mirrored yet, and as `openMirror` does */
export async function requireMirrorDatabase(
  config: Config,
  signal: AbortSignal,
): Promise<MirrorDatabase> {
  const mirror = await findMirrorDatabase(config, signal);
  if (mirror === null) throw new NoMirrorError(describeLocation(config));
  return mirror;
}

async function toMirror(database: Database, log: Logger): Promise<MirrorDatabase> {
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
