import { redactUrl } from '../../config/redact-url.ts';
import type { RedisConnection } from '../../redis/connection.ts';
import type { Logger } from '../../telemetry/logger.ts';

/** Whether the servers that a worker needs are there. */
export interface Servers {
  /** What keeps the worker from working, in one sentence; null where nothing does. */
  readonly trouble: string | null;
  /** Tells whether Postgres answered just now. */
  databaseAnswers(answers: boolean): void;
}

/**
 * Watches the servers. A loss is told of once, and so is the return.
 *
 * @param onChange is called with true where all are back, and with false where one is lost.
 */
export function watchServers(
  redis: RedisConnection,
  databaseUrl: string,
  log: Logger,
  onChange: (allThere: boolean) => void,
): Servers {
  const lostSince = new Map<string, Date>();
  const lost = (server: string) => {
    if (lostSince.has(server)) return;
    lostSince.set(server, new Date());
    log.warn({ server }, 'a server was lost: waiting for it, with nothing asked of the service');
    onChange(false);
  };
  const back = (server: string) => {
    if (!lostSince.delete(server)) return;
    log.info({ server }, 'a server is back: going on');
    if (lostSince.size === 0) onChange(true);
  };
  const redisName = `Redis (${redactUrl(redis.url)})`;
  const databaseName = `Postgres (${redactUrl(databaseUrl)})`;
  redis.onLost(() => lost(redisName));
  redis.onBack(() => back(redisName));
  return {
    get trouble() {
      const told = [...lostSince].map(
        ([server, since]) => `${server} is not reachable since ${since.toISOString()}.`,
      );
      return told.length > 0 ? told.join(' ') : null;
    },
    databaseAnswers: (answers) => (answers ? back : lost)(databaseName),
  };
}
