import { setTimeout as sleep } from 'node:timers/promises';
import Bottleneck from 'bottleneck';
import type { RedisConnection } from '../../redis/connection.ts';
import { computePace, type Limiter, type LimiterBackend, RESERVE_OF_CLUSTER } from '../limiter.ts';
import { PREFIX, THROTTLED } from './commands.ts';
import { ClusterConnection } from './connection.ts';
import { LATEST } from './permit-times.ts';

/** How long Redis keeps a bucket's keys after its last use. */
const KEPT_MS = 600_000;
/** After it Bottleneck strikes off what a killed process had registered. */
const REGISTRATION_MS = 60_000;
/** Only a reservoir needs it more often, and a process may have thousands of buckets of pools. */
const HEARTBEAT_MS = 60_000;
/** The wait after Redis refused, as it does while its memory is full. */
const RETRY_MS = 250;

/**
 * Paces one bucket for every process on the same Redis, by `minTime`. In any sliding second all of
 * them together release at most ⌈rate⌉ + 1 attempts (`LATEST` tells why). In the second after Redis
 * lost its keys it is at most one more for each process, as each has one slot of the old row
 * registered at most. While Redis is away nothing is released: no slot is given, and a turn that
 * comes meanwhile is thrown away. Where processes were given different rates, the newest sets it.
 */
export function openClusteredLimiter(
  connection: ClusterConnection,
  id: string,
  rate: number,
): Limiter {
  const { attempts, minTime } = computePace(rate, RESERVE_OF_CLUSTER);
  const turns = Number.isFinite(attempts)
    ? turnsOf(connection, id, minTime)
    : turnsWithoutPace(connection);
  let closed = false;
  let rejectTurn: (reason: Error) => void = () => {};

  const nextTurn = async (): Promise<number> => {
    while (!closed) {
      try {
        if (await turns.next()) break;
      } catch {
        if (!closed) await sleep(RETRY_MS);
      }
    }
    return attempts;
  };

  return {
    turn: () =>
      new Promise((resolve, reject) => {
        if (closed) throw new Error('The bucket is closed.');
        // A command waits for as long as Redis is away, but nobody who closes waits for it.
        rejectTurn = reject;
        nextTurn().then(resolve, reject);
      }),
    async close() {
      if (closed) return;
      closed = true;
      rejectTurn(new Error('The bucket is closed.'));
      turns.stop();
    },
  };
}

interface Turns {
  /** Resolves when the next turn has come: true if it may be taken, false if it came too late. */
  next(): Promise<boolean>;
  stop(): void;
}

/** Turns of one limiter after the other: each is used until Redis refuses it something. */
function turnsOf(connection: ClusterConnection, id: string, minTime: number): Turns {
  let limiter: ClusteredBottleneck | null = null;
  return {
    async next() {
      limiter ??= openBottleneck(connection, id, minTime);
      try {
        return await limiter.turn();
      } catch (error) {
        // Bottleneck asks neither for its settings nor for a slot a second time.
        void limiter.close();
        limiter = null;
        throw error;
      }
    },
    stop: () => void limiter?.close(),
  };
}

/** One limiter of Bottleneck, until Redis refuses it something. */
export interface ClusteredBottleneck {
  /** As `Turns.next`; rejects where Redis refused what a turn needs. */
  turn(): Promise<boolean>;
  /** Resolves once its last command has an answer. */
  close(): Promise<void>;
}

export function openBottleneck(
  connection: ClusterConnection,
  id: string,
  minTime: number,
): ClusteredBottleneck {
  const limiter = new Bottleneck({
    id,
    connection,
    minTime,
    timeout: KEPT_MS,
    heartbeatInterval: HEARTBEAT_MS,
  });
  let refuse = (_: Error) => {};
  limiter.on('error', (error) => refuse(error));
  const configured = limiter.ready().then(() => limiter.updateSettings({ minTime }));
  configured.catch(() => {});
  const isInTime = () =>
    connection.isReady && performance.now() - connection.due(id) <= LATEST * minTime;
  return {
    async turn() {
      await configured;
      return new Promise((resolve, reject) => {
        // Where no slot can be had, Bottleneck tells its listeners, and the job waits on.
        refuse = reject;
        // Resolved by the job itself: Bottleneck settles its own promise some milliseconds later.
        limiter
          .schedule({ expiration: REGISTRATION_MS }, async () => resolve(isInTime()))
          .catch(reject);
      });
    },
    async close() {
      // It waits for answers of Redis, which come, or fail when the connection is closed.
      const stopped = limiter.stop({ dropWaitingJobs: true }).catch(() => {});
      void limiter.disconnect(false);
      await stopped;
    },
  };
}

/** Where nothing is paced, there still is the promise to release nothing while Redis is away. */
function turnsWithoutPace({ clients: { client } }: ClusterConnection): Turns {
  return {
    async next() {
      await client.ping();
      return true;
    },
    stop() {},
  };
}

/** The pacing shared by all processes on the same Redis. */
export function clusteredBackend(redis: RedisConnection): LimiterBackend {
  const connection = new ClusterConnection(redis.duplicate());
  const { client, subscriber } = connection.clients;
  return {
    newPacer: (id, rate) => openClusteredLimiter(connection, `${PREFIX}/${id}`, rate),
    tellThrottled(id) {
      // Old news is of no use: what cannot be sent now is not sent later.
      if (connection.isReady) client.publish(THROTTLED, id).catch(() => {});
    },
    onThrottled(listener) {
      subscriber.on('message', (channel, id) => {
        if (channel === THROTTLED) listener(id);
      });
      // The connection reports a refusal, and subscribes again after each reconnect.
      subscriber.subscribe(THROTTLED).catch(() => {});
    },
    async close() {
      await connection.disconnect(false);
    },
  };
}
