import { Redis } from 'ioredis';
import { awaitRedis } from './await-redis.ts';

/** The mirror's Redis, while this process uses it. */
export interface RedisConnection {
  readonly url: string;
  /** For commands. While Redis is away they wait, however long, and are sent when it is back. */
  readonly client: Redis;
  /** Another client of the same Redis, closed with this connection. */
  duplicate(): Redis;
  /** True from a loss until Redis is back. */
  readonly isLost: boolean;
  /** Calls `listener` once for each loss, however long it lasts. */
  onLost(listener: () => void): void;
  /** Calls `listener` when Redis is back after a loss. */
  onBack(listener: () => void): void;
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
 * Opens the Redis of REDIS_URL (`redis:` or `rediss:`), which may take 10 seconds to come up.
 *
 * @throws ConfigurationError where it cannot be reached or used, with the remedy
 * @throws InterruptedError where `signal` fires
 */
export async function openRedis(url: string, signal?: AbortSignal): Promise<RedisConnection> {
  await awaitRedis(url, signal);
  const clients: Redis[] = [];
  const keep = (client: Redis): Redis => {
    // Each failed attempt to connect is an error event, and ends the process if nobody listens.
    client.on('error', () => {});
    clients.push(client);
    return client;
  };
  const client = keep(new Redis(url, OPTIONS));
  const listeners = { lost: new Set<() => void>(), back: new Set<() => void>() };
  // It answered a moment ago.
  let state: 'there' | 'lost' | 'closed' = 'there';
  client.on('ready', () => {
    const wasLost = state === 'lost';
    if (state !== 'closed') state = 'there';
    if (wasLost) for (const listener of listeners.back) listener();
  });
  client.on('close', () => {
    if (state !== 'there') return;
    state = 'lost';
    for (const listener of listeners.lost) listener();
  });
  return {
    url,
    client,
    duplicate: () => keep(client.duplicate()),
    get isLost() {
      return state === 'lost';
    },
    onLost: (listener) => void listeners.lost.add(listener),
    onBack: (listener) => void listeners.back.add(listener),
    close() {
      state = 'closed';
      for (const each of clients) {
        // Between two attempts to connect, ioredis would leave commands waiting for ever.
        if (each.status === 'reconnecting') each.connect().catch(() => {});
        each.disconnect();
      }
    },
  };
}
