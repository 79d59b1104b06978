import { findDatabase } from '../postgres/database.ts';
import { type ExaminedDatabase, openExamined } from '../postgres/open-examined.ts';
import { inspectSchemas } from '../postgres/own-schemas.ts';
import type { RedisConnection } from '../redis/connection.ts';
import type { Connections } from './connections.ts';
import type { DoctorContext } from './context.ts';

/** The Postgres and the Redis of the configuration. */
export interface Servers {
  /**
   * The database, or null if there is none yet. An embedded one is started, and stops again.
   *
   * @throws ActionRequiredError if it cannot be used
   */
  readonly openPostgres: () => Promise<ExaminedDatabase | null>;
  /** The same; null also if it cannot be used, which is the result of another check. */
  readonly postgres: () => Promise<ExaminedDatabase | null>;
  /** The database if it has a mirror. */
  readonly mirror: () => Promise<ExaminedDatabase | null>;
  /** @throws ActionRequiredError if it cannot be reached or used */
  readonly openRedis: (url: string) => Promise<RedisConnection>;
  /** Redis; null if none is set, or if it cannot be used, which is the result of another check. */
  readonly redis: () => Promise<RedisConnection | null>;
}

/** Finds the servers of an examination. Nothing is opened before it is used. */
export function findServers(
  { config, unusable }: DoctorContext,
  connections: Connections,
): Servers {
  const openDatabase = async (url: string, signal: AbortSignal) => {
    const session = await openExamined(url, signal);
    connections.onClose(() => session.end());
    return session;
  };

  const openPostgres = () =>
    connections.once('postgres', async (signal) => {
      if (config.databaseUrl !== null) return openDatabase(config.databaseUrl, signal);
      const embedded = await findDatabase(config, signal);
      if (embedded === null) return null;
      connections.onClose(() => embedded.close());
      return openDatabase(embedded.url, signal);
    });
  const postgres = async () =>
    unusable.has('DATABASE_URL') ? null : openPostgres().catch(() => null);

  const mirror = async () => {
    const session = await postgres();
    if (session === null) return null;
    const inspect = () => inspectSchemas(session);
    const { applied, refusal } = await connections.once('schemas', inspect);
    return refusal === null && (applied ?? []).length > 0 ? session : null;
  };

  const openRedis = (url: string) =>
    connections.once('redis', async (signal) => {
      const { openRedis: open } = await import('../redis/connection.ts');
      const redis = await open(url, signal);
      connections.onClose(() => redis.close());
      return redis;
    });
  const redis = async () =>
    config.redisUrl === null ? null : openRedis(config.redisUrl).catch(() => null);

  return { openPostgres, postgres, mirror, openRedis, redis };
}
