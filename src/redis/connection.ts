import { Redis } from 'ioredis';
import { bounded, NoAnswerError } from '../common/bounded.ts';
import { createLogger, type Logger } from '../telemetry/logger.ts';
import { awaitRedis, createRedisError, explainFailure, PATIENCE_MS } from './await-redis.ts';
import { type Command, dryRun } from './dry-run.ts';
import { getUsername } from './server-info.ts';
import { type RedisOutage, RedisWatch } from './watch.ts';

/** The connections of this process to Redis. */
export interface RedisConnection {
  readonly url: string;
  /** For commands. While Redis is down they wait; they are sent when it is back. */
  readonly client: Redis;
  /** Opens another client of the same Redis. It closes with this connection. */
  duplicate(): Redis;
  /** Why this process cannot use Redis now, or null. */
  readonly outage: RedisOutage | null;
  /** Calls `listener` once when an outage starts. */
  onOutage(listener: () => void): void;
  /** Calls `listener` when it ends. */
  onRecovery(listener: () => void): void;
  /**
   * Checks that the process may use these commands, now and every two seconds.
   *
   * @throws ActionRequiredError if it may not.
   */
  require(commands: readonly Command[]): Promise<void>;
  /**
   * Runs `work` to check that Redis allows it.
   *
   * @throws ActionRequiredError if Redis refuses it or does not answer within 5 seconds.
   */
  tryOut(work: () => Promise<void>): Promise<void>;
  /** Closes every client at once, also while Redis is down. Waiting commands are rejected. */
  close(): void;
}

/** The first and the longest wait before another attempt to connect. It doubles each time. */
const RETRY_FROM_MS = 50;
const RETRY_TO_MS = 3_000;

/**
 * A connection whose command has no answer for this long is dead. BullMQ's blocking commands wait up
 * to 10 s.
 */
const SILENCE_MS = 20_000;

const OPTIONS = {
  connectionName: 'cognito-mirror',
  maxRetriesPerRequest: null,
  socketTimeout: SILENCE_MS,
  // The server has become a replica, so its name now leads to another server.
  reconnectOnError: (error: Error) => (error.message.startsWith('READONLY') ? 2 : false),
  // With jitter, because all workers lose Redis at the same moment.
  retryStrategy: (times: number) =>
    Math.min(RETRY_FROM_MS * 2 ** (times - 1), RETRY_TO_MS) * (0.5 + Math.random() / 2),
};

/**
 * Connects to the Redis of REDIS_URL (`redis:` or `rediss:`), which may take 5 seconds to start.
 *
 * @param log gets a line for each outage, and one for its end.
 * @throws ActionRequiredError if Redis cannot be reached or used, with the remedy.
 * @throws InterruptedError on an abort.
 */
export async function openRedis(
  url: string,
  signal?: AbortSignal,
  log: Logger = createLogger({ level: 'silent' }),
): Promise<RedisConnection> {
  await awaitRedis(url, signal);
  const client = new Redis(url, OPTIONS);
  const watch = new RedisWatch(url, client, log);
  const user = getUsername(url);
  const tryOut = async (work: () => Promise<void>) => {
    try {
      await watch.quietly(bounded(work, PATIENCE_MS));
    } catch (error) {
      if (!(error instanceof Error) || !('command' in error || error instanceof NoAnswerError)) {
        throw error;
      }
      // If a connection cannot be established, the work only waits; the watch knows the reason.
      throw createRedisError(url, watch.outage ?? (await explainFailure(url, error)));
    }
  };
  return {
    url,
    client,
    duplicate: () => client.duplicate(),
    get outage() {
      return watch.outage;
    },
    onOutage: (listener) => watch.onOutage(listener),
    onRecovery: (listener) => watch.onRecovery(listener),
    async require(commands) {
      watch.addCommands(commands);
      await tryOut(async () => {
        const problem = await dryRun(client, commands, user);
        if (problem !== null) throw createRedisError(url, problem);
      });
    },
    tryOut,
    close: () => watch.close(),
  };
}
