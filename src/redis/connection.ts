import { Redis } from 'ioredis';
import { bounded, NoAnswerError } from '../common/bounded.ts';
import { createLogger, type Logger } from '../telemetry/logger.ts';
import { awaitRedis, explainFailure, PATIENCE_MS, refusedRedis } from './await-redis.ts';
import { type Command, dryRun } from './dry-run.ts';
import { getUsername } from './server-info.ts';
import { type RedisTrouble, RedisWatch } from './watch.ts';

/** The mirror's Redis, while this process uses it. */
export interface RedisConnection {
  readonly url: string;
  /** For commands. While Redis is away they wait, however long, and are sent when it is back. */
  readonly client: Redis;
  /** Another client of the same Redis, closed with this connection. */
  duplicate(): Redis;
  /** What keeps this process from using Redis; null where nothing does. */
  readonly trouble: RedisTrouble | null;
  /** Calls `listener` when trouble begins, once however long it lasts. */
  onTrouble(listener: () => void): void;
  /** Calls `listener` when it has ended. */
  onBack(listener: () => void): void;
  /**
   * Has Redis check that the process may use these commands, now and every two seconds.
   *
   * @throws ConfigurationError where it may not.
   */
  require(commands: readonly Command[]): Promise<void>;
  /**
   * Does something with Redis for the first time, to learn whether it can be done.
   *
   * @throws ConfigurationError where Redis refuses it or does not answer within 5 seconds.
   */
  tryOut(work: () => Promise<void>): Promise<void>;
  /** Ends every client at once, also while Redis is away; commands that wait are rejected. */
  close(): void;
}

/** Bounds of the wait before another attempt to connect, in milliseconds; it doubles between them. */
const RETRY_FROM_MS = 50;
const RETRY_TO_MS = 3_000;

/**
 * A command without an answer for this long means that the connection is dead: more than the 10 s
 * that BullMQ's blocking commands wait at most.
 */
const SILENCE_MS = 20_000;

const OPTIONS = {
  connectionName: 'cognito-mirror',
  maxRetriesPerRequest: null,
  socketTimeout: SILENCE_MS,
  // Of a server that has become a replica: its name leads to another one by now.
  reconnectOnError: (error: Error) => (error.message.startsWith('READONLY') ? 2 : false),
  // With jitter, as a hundred workers lose Redis in the same moment.
  retryStrategy: (times: number) =>
    Math.min(RETRY_FROM_MS * 2 ** (times - 1), RETRY_TO_MS) * (0.5 + Math.random() / 2),
};

/**
 * Opens the Redis of REDIS_URL (`redis:` or `rediss:`), which may take 5 seconds to come up.
 *
 * @param log gets one line for each trouble, and one for its end.
 * @throws ConfigurationError where it cannot be reached or used, with the remedy
 * @throws InterruptedError where `signal` fires
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
      // A connection that cannot be made keeps the work waiting, and its reason is known here.
      throw refusedRedis(url, watch.trouble ?? (await explainFailure(url, error)));
    }
  };
  return {
    url,
    client,
    duplicate: () => client.duplicate(),
    get trouble() {
      return watch.trouble;
    },
    onTrouble: (listener) => watch.onTrouble(listener),
    onBack: (listener) => watch.onBack(listener),
    async require(commands) {
      watch.needs(commands);
      await tryOut(async () => {
        const trouble = await dryRun(client, commands, user);
        if (trouble !== null) throw refusedRedis(url, trouble);
      });
    },
    tryOut,
    close: () => watch.close(),
  };
}
