import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { SimulatorOptions } from '../../src/simulator/index.ts';
import type { CliProcess } from './cli.ts';
import { type CliMirror, type EnvChange, openCliMirror } from './cli-mirror.ts';
import { startRedis, type TestRedis, type TestRedisOptions } from './redis-server.ts';
import { startStopwatch } from './stopwatch.ts';

/** Workers as processes of their own, over a real Redis and a real Postgres. */
export interface Fleet extends CliMirror {
  readonly redis: TestRedis;
  /** Starts a worker, and resolves once it takes jobs. */
  worker(change?: EnvChange): Promise<FleetWorker>;
  trigger(poolId?: string): Promise<void>;
  /** Resolves with the newest ended request of the pool once none is open; bounded in time. */
  settled(poolId?: string): Promise<EndedRequest>;
}

export interface FleetWorker extends CliProcess {
  /** Where it answers HTTP. */
  readonly url: string;
  readonly pid: number;
}

export interface EndedRequest {
  readonly id: number;
  readonly source: string;
  readonly outcome: string;
  readonly reason: string | null;
}

/** How long an event is awaited on a busy machine; it says nothing of speed. */
const PATIENCE_MS = 300_000;

/** Opens a mirror whose pools workers take care of; no worker runs yet. */
export async function openFleet(
  options: SimulatorOptions = {},
  redisOptions: TestRedisOptions = {},
): Promise<Fleet> {
  const redis = await startRedis(redisOptions);
  const mirror = await openCliMirror(options);
  const poolIds = [...mirror.simulator.pools.keys()];
  const workerEnv: EnvChange = {
    REDIS_URL: redis.url,
    COGNITO_POOLS: poolIds.join(','),
    PORT: '0',
    LOG_LEVEL: 'info',
  };
  const [firstPool = ''] = poolIds;
  return {
    ...mirror,
    redis,
    async worker(change = {}) {
      const started = await mirror.start(['worker'], { ...workerEnv, ...change });
      const url = await until('a worker listens', async () => {
        if (started.child.exitCode !== null) throw new Error(started.output.stderr);
        return /"url":"([^"]+)"/.exec(started.output.stderr + started.output.stdout)?.[1];
      });
      return { ...started, url, pid: started.child.pid as number };
    },
    async trigger(poolId = firstPool) {
      const { code, stderr } = await mirror.run(['trigger', poolId]);
      if (code !== 0) throw new Error(stderr);
    },
    settled: (poolId = firstPool) =>
      until(`no request of ${poolId} is open`, async () => {
        const requests = await mirror.rows<EndedRequest>(
          'SELECT id, source, outcome, reason FROM mirror.requests WHERE pool_id = $1 ORDER BY id',
          [poolId],
        );
        const isOpen = requests.some(({ outcome }) => outcome === null);
        return isOpen ? undefined : requests.filter(({ outcome }) => outcome !== 'skipped').at(-1);
      }),
    async close() {
      await mirror.close();
      await redis.close();
    },
  };
}

/**
 * Expects the workers to stop their calls within so many milliseconds: permits that they have may still
 * be in use. Resolves with the number of attempts once none arrived for a second.
 */
export async function expectQuiet(
  { simulator }: Pick<CliMirror, 'simulator'>,
  workers: readonly FleetWorker[],
  withinMs: number,
): Promise<number> {
  const stopwatch = startStopwatch(...workers.map(({ pid }) => pid));
  let total = simulator.attempts.total;
  let lastAt = 0;
  while (stopwatch.elapsed() - lastAt < 1_000) {
    await sleep(20);
    if (simulator.attempts.total === total) continue;
    total = simulator.attempts.total;
    lastAt = stopwatch.elapsed();
  }
  expect(lastAt).toBeLessThan(withinMs);
  return total;
}

/** Asks every 50 ms until there is an answer. Fails after five minutes. */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined | null | false>,
): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (performance.now() > deadline) throw new Error(`Timed out: ${what}.`);
    await sleep(50);
  }
}
