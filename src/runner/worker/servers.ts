import { redactUrl } from '../../common/redact-url.ts';
import type { RedisConnection } from '../../redis/connection.ts';
import type { Logger } from '../../telemetry/logger.ts';

/** Whether the servers that a worker needs are there. */
export interface Servers {
  /** What keeps the worker from working, in a few sentences; null where nothing does. */
  readonly trouble: string | null;
  /** Tells whether Postgres answered just now. */
  databaseAnswers(answers: boolean): void;
}

/**
 * Watches the servers. A loss of Postgres is logged once, and so is its return; Redis's connection
 * logs its own.
 *
 * @param onChange is called with true where all are back, and with false where one is lost or
 * refuses.
 */
export function watchServers(
  redis: RedisConnection,
  databaseUrl: string,
  log: Logger,
  onChange: (allThere: boolean) => void,
): Servers {
  const databaseName = `Postgres (${redactUrl(databaseUrl)})`;
  const redisName = `Redis (${redactUrl(redis.url)})`;
  let databaseLostSince: Date | null = null;
  const onBack = () => {
    if (databaseLostSince === null && redis.trouble === null) onChange(true);
  };
  redis.onTrouble(() => onChange(false));
  redis.onBack(onBack);
  return {
    get trouble() {
      const troubles: string[] = [];
      if (redis.trouble !== null) {
        const { isLost, problem, remedy, since } = redis.trouble;
        const at = since.toISOString();
        troubles.push(
          isLost
            ? `${redisName} is not reachable since ${at}.`
            : `${redisName}, since ${at}: ${problem} ${remedy}`,
        );
      }
      if (databaseLostSince !== null) {
        troubles.push(`${databaseName} is not reachable since ${databaseLostSince.toISOString()}.`);
      }
      return troubles.length > 0 ? troubles.join(' ') : null;
    },
    databaseAnswers(answers) {
      if (answers === (databaseLostSince === null)) return;
      if (answers) {
        databaseLostSince = null;
        log.info({ server: databaseName }, 'a server is back: going on');
        onBack();
      } else {
        databaseLostSince = new Date();
        log.warn(
          { server: databaseName },
          'a server was lost: waiting for it, with nothing asked of the service',
        );
        onChange(false);
      }
    },
  };
}
