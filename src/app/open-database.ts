import type pg from 'pg';
import type { Config } from '../config/config.ts';
import { dropConnections, openPool } from '../postgres/connection.ts';
import { type Database, findDatabase, openDatabase } from '../postgres/database.ts';
import { isMigrated, migrate } from '../postgres/migrate.ts';
import type { Logger } from '../telemetry/logger.ts';

/** Connections of one process: each of its steps uses a few. */
const CONNECTIONS = 10;

/** Connections of the dashboard, so that its pages and the jobs of its worker never wait for each other. */
const PAGE_CONNECTIONS = 4;
/** Somebody waits for a page, and an idle request is cut after 7 s. */
const PAGE_LIMITS = { statementMs: 5_000, waitMs: 5_000, silentMs: 6_000 };

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

/** The dashboard's own pool, which connects when a page is asked for. */
export interface PagePool {
  readonly db: pg.Pool;
  /** Ends its statements. */
  close(): Promise<void>;
}

/** Opens the pool of the dashboard. */
export function openPagePool(databaseUrl: string, log: Logger): PagePool {
  const db = openPool(databaseUrl, PAGE_CONNECTIONS, log, PAGE_LIMITS);
  return {
    db,
    async close() {
      dropConnections(db);
      await db.end();
    },
  };
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
