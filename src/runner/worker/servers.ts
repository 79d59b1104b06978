import { redactUrl } from '../../common/redact-url.ts';
import type { RedisConnection } from '../../redis/connection.ts';
import type { Logger } from '../../telemetry/logger.ts';

/** Whether a worker can reach the servers that it needs. */
export interface Servers {
  /** Why the worker cannot work, in a few sentences; null if it can. */
  readonly problem: string | null;
  /** Records whether Postgres answered. */
  databaseAnswers(answers: boolean): void;
}

/**
 * Watches the servers. It logs each loss and return of Postgres once; the connection to Redis logs its
 * own.
 *
 * @param onChange called with true when all servers are back, and with false when one is lost or
 *   refuses commands.
 */
export function watchServers(
  redis: RedisConnection,
  databaseUrl: string,
  log: Logger,
  onChange: (isReady: boolean) => void,
): Servers {
  const databaseName = `Postgres (${redactUrl(databaseUrl)})`;
  const redisName = `Redis (${redactUrl(redis.url)})`;
  let databaseLostSince: Date | null = null;
  const onBack = () => {
    if (databaseLostSince === null && redis.outage === null) onChange(true);
  };
  redis.onOutage(() => onChange(false));
  redis.onRecovery(onBack);
  return {
    get problem() {
      const problems: string[] = [];
      if (redis.outage !== null) {
        const { isLost, problem, remedy, since } = redis.outage;
        const at = since.toISOString();
        problems.push(
          isLost
            ? `${redisName} is not reachable since ${at}.`
            : `${redisName}, since ${at}: ${problem} ${remedy}`,
        );
      }
      if (databaseLostSince !== null) {
        problems.push(`${databaseName} is not reachable since ${databaseLostSince.toISOString()}.`);
      }
      return problems.length > 0 ? problems.join(' ') : null;
    },
    databaseAnswers(answers) {
      if (answers === (databaseLostSince === null)) return;
      if (answers) {
        databaseLostSince = null;
        log.info({ server: databaseName }, 'reconnected to a server: resuming');
        onBack();
      } else {
        databaseLostSince = new Date();
        log.warn(
          { server: databaseName },
          'lost the connection to a server: pausing calls to Cognito until it is back',
        );
        onChange(false);
      }
    },
  };
}
