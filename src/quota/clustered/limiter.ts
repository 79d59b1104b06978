import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisConnection } from '../../redis/connection.ts';
import { isConnectionLost, isRefusal } from '../../redis/redis-errors.ts';
import type { Logger } from '../../telemetry/logger.ts';
import {
  computePace,
  type Limiter,
  type LimiterBackend,
  LimiterClosedError,
  RESERVE_OF_CLUSTER,
} from '../limiter.ts';
import { definePermitScript, PermitReserver } from './permits.ts';

/** Starts the mirror's own keys and channels, in a Redis that other programs use too. */
export const PREFIX = 'cognito-mirror';
/** The channel of throttling. A message is the name of a throttled bucket. */
export const THROTTLED = `${PREFIX}/throttled`;

/** The wait after Redis refused the script, as it does while its memory is full. */
const RETRY_MS = 250;
/**
 * The wait after Redis refused to subscribe. It is below the time for which the watch of the
 * connection remembers a refusal, so the log has one line however long the cause lasts.
 */
const RESUBSCRIBE_MS = 2_000;

/** Permits that become due one after the other. */
interface PermitSource {
  /** Resolves when the next permit is due: true if it may be used, false if it is too late. */
  next(signal: AbortSignal): Promise<boolean>;
}

/**
 * The backend that all processes on the same Redis share. In any sliding second they release at most
 * ⌈rate⌉ + 1 permits of a bucket together (see `LATEST`). In the second after Redis lost its keys
 * each process may release one more: the permit that it had reserved. While Redis is down nothing is
 * released. If processes have different rates, the one that opened the bucket last sets it.
 *
 * @param log gets errors that the connection does not report itself.
 */
export function clusteredBackend(redis: RedisConnection, log: Logger): LimiterBackend {
  const client = definePermitScript(redis.duplicate());
  const subscriber = redis.duplicate();
  const closing = new AbortController();
  const isReady = () => client.status === 'ready';
  const report = createReporter(log);

  let isSubscribing = false;
  const subscribe = async () => {
    if (isSubscribing) return;
    isSubscribing = true;
    while (!closing.signal.aborted && subscriber.status === 'ready') {
      try {
        await subscriber.subscribe(THROTTLED);
        break;
      } catch (error) {
        report(error, 'cannot subscribe to throttling of other processes: trying again');
        await sleep(RESUBSCRIBE_MS, undefined, { ref: false });
      }
    }
    isSubscribing = false;
  };

  return {
    openLimiter(id, rate) {
      const { permits, minTime } = computePace(rate, RESERVE_OF_CLUSTER);
      const reserver = new PermitReserver(client, `${PREFIX}/${id}`, minTime);
      const source: PermitSource = {
        async next(signal) {
          const { waitMs, dueAt } = await reserver.reserve();
          await sleep(waitMs, undefined, { signal });
          return isReady() && reserver.isInTime(dueAt);
        },
      };
      // Without a pace, a ping keeps the promise to release nothing while Redis is down.
      const unlimited: PermitSource = { next: async () => Boolean(await client.ping()) };
      const isUnlimited = !Number.isFinite(permits);
      return createLimiter(isUnlimited ? unlimited : source, permits, report);
    },
    broadcastThrottling(id) {
      // An old report is useless, so nothing is sent after a reconnect.
      if (!isReady()) return;
      client.publish(THROTTLED, id).catch((error: unknown) => {
        report(error, 'cannot broadcast throttling to other processes');
      });
    },
    onThrottling(listener) {
      subscriber.on('message', (channel, id) => {
        if (channel === THROTTLED) listener(id);
      });
      // ioredis repeats only subscriptions that once succeeded.
      subscriber.on('ready', () => void subscribe());
      if (subscriber.status === 'ready') void subscribe();
    },
    async close() {
      closing.abort();
      client.disconnect();
      subscriber.disconnect();
    },
  };
}

/** Takes permits of a source one after the other, and again after errors, until it is closed. */
function createLimiter(source: PermitSource, permits: number, report: Report): Limiter {
  const closing = new AbortController();
  const { signal } = closing;

  const takePermits = async (): Promise<number> => {
    while (!signal.aborted) {
      try {
        if (await source.next(signal)) return permits;
      } catch (error) {
        if (signal.aborted) break;
        report(error, 'cannot take a permit from Redis: trying again');
        await sleep(RETRY_MS, undefined, { signal }).catch(() => {});
      }
    }
    throw new LimiterClosedError();
  };

  return {
    takePermits: () =>
      new Promise((resolve, reject) => {
        if (signal.aborted) throw new LimiterClosedError();
        // A command waits for as long as Redis is down; a close does not.
        const onClose = () => reject(new LimiterClosedError());
        signal.addEventListener('abort', onClose, { once: true });
        takePermits()
          .then(resolve, reject)
          .finally(() => signal.removeEventListener('abort', onClose));
      }),
    async close() {
      closing.abort();
    },
  };
}

type Report = (error: unknown, message: string) => void;

/** Logs each failure once. The connection's watch reports refusals and losses, with their end. */
function createReporter(log: Logger): Report {
  const logged = new Set<string>();
  return (error, message) => {
    if (isRefusal(error) || isConnectionLost(error) || logged.has(message)) return;
    logged.add(message);
    log.warn({ err: error }, message);
  };
}
