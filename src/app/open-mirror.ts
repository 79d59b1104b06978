import type pg from 'pg';
import type { Config } from '../config/config.ts';
import { openPool } from '../postgres/connection.ts';
import { openDatabase } from '../postgres/database.ts';
import { migrate } from '../postgres/migrate.ts';
import { createLogger } from '../telemetry/logger.ts';

/** Connections of one process: its steps use few each. */
const CONNECTIONS = 10;

/** The mirror's database, open and up to date. */
export interface Mirror {
  readonly db: pg.Pool;
  readonly databaseUrl: string;
  close(): Promise<void>;
}

/**
 * Opens the mirror's database, and brings its schema up to date.
 *
 * @throws ConfigurationError where it cannot be reached, or a newer program has been at work on it.
 */
export async function openMirror(config: Config, signal: AbortSignal): Promise<Mirror> {
  const log = createLogger({ level: config.logLevel });
  const database = await openDatabase(config, signal, log);
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
