import { expect } from 'vitest';
import { mostInAnySecond } from '../quota/sliding.ts';
import { until } from './fleet.ts';
import { monitorRedis } from './redis-monitor.ts';
import type { TestRedis } from './redis-server.ts';

/** The permits that all processes on a Redis reserved, from the server's own log of commands. */
export interface PermitLog {
  /** When the permits of all buckets with this name were due, in milliseconds by the simulator's clock. */
  dueTimes(bucket: string): Promise<number[]>;
  close(): Promise<void>;
}

/** Reads the commands of the script `RESERVE_PERMIT` from the server's MONITOR, from now on. */
export async function logPermits(redis: TestRedis): Promise<PermitLog> {
  const commands: (readonly string[])[] = [];
  const clock = followClock();
  const stop = await monitorRedis(redis.url, (words) => commands.push(words));
  const close = async () => {
    clock.close();
    await stop();
  };
  return {
    async dueTimes(bucket) {
      // The monitor's connection may be behind the attempts that used the permits.
      const mark = crypto.randomUUID();
      await redis.command('ECHO', mark);
      await until('the monitor has caught up', async () =>
        commands.some((args) => args.includes(mark)),
      );
      return commands
        .filter(([name, key]) => /^hset$/i.test(name ?? '') && key?.endsWith(`/${bucket}`))
        .map(([, , , minTime, , next]) => clock.toSteady(Number(next) - Number(minTime)));
    },
    close,
  };
}

const CLOCK_PERIOD_MS = 50;

/**
 * Follows how far the clock of the machine, which Redis has, is from the steady one of the simulator. A
 * time service may let it run half a percent fast or slow.
 */
function followClock() {
  const samples: { readonly at: number; readonly ahead: number }[] = [];
  const sample = () => {
    const at = Date.now();
    samples.push({ at, ahead: at - (performance.timeOrigin + performance.now()) });
  };
  sample();
  const timer = setInterval(sample, CLOCK_PERIOD_MS);
  return {
    toSteady(at: number): number {
      const next = samples.find((each) => each.at >= at) ?? samples.at(-1);
      return at - (next?.ahead ?? 0);
    },
    close: () => clearInterval(timer),
  };
}

/** How much the clocks of Redis and of the simulator may differ, in milliseconds. */
const CLOCKS_MS = 20;

/**
 * Expects that permits kept the rate, and that no attempt came without one: at any time the service
 * had seen at most as many attempts as permits were due. This holds on a busy machine too, where
 * attempts arrive late and then several at once.
 *
 * @param attempts when they reached the simulator, in milliseconds by its clock
 * @param most permits in any sliding second
 */
export function expectPermitted(
  attempts: readonly number[],
  dueTimes: readonly number[],
  most: number,
): void {
  expect(mostInAnySecond(dueTimes)).toBeLessThanOrEqual(most);
  const due = dueTimes.toSorted((a, b) => a - b);
  const early = attempts
    .toSorted((a, b) => a - b)
    .filter((at, i) => at + CLOCKS_MS < (due[i] ?? Number.POSITIVE_INFINITY));
  expect(attempts.length).toBeGreaterThan(0);
  expect(early).toEqual([]);
}
