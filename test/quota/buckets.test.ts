import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { InterruptedError } from '../../src/model/errors.ts';
import type { Operation } from '../../src/quota/quotas.ts';
import { openTestBuckets, type TestBuckets } from '../support/buckets.ts';
import { startStopwatch } from '../support/stopwatch.ts';
import { mostInAnySecond } from './sliding.ts';

const POOL = 'us-east-1_Quota';
const never = () => new AbortController().signal;

let buckets: TestBuckets;
afterEach(() => buckets.close());

interface CallOptions {
  readonly pools?: readonly string[];
  readonly parallel?: number;
  /** Stops the calls, given the moments of release so far. */
  readonly until: (moments: readonly number[]) => boolean;
}

/** Calls the operation in parallel; returns the moments of release by pool. */
async function callUntil(
  operation: Operation,
  { pools = [POOL], parallel = 8, until }: CallOptions,
): Promise<Map<string, number[]>> {
  const all: number[] = [];
  const byPool = new Map<string, number[]>(pools.map((pool) => [pool, []]));
  const end = new AbortController();
  const attempt = async (pool: string) => {
    const at = performance.now();
    byPool.get(pool)?.push(at);
    all.push(at);
    if (until(all)) end.abort();
  };
  const callAgain = async (pool: string) => {
    while (!end.signal.aborted) await buckets.run(operation, pool, () => attempt(pool), end.signal);
  };
  await Promise.allSettled(
    pools.flatMap((pool) => Array.from({ length: parallel }, () => callAgain(pool))),
  );
  return byPool;
}

/** True after this many releases. */
const count = (most: number) => (moments: readonly number[]) => moments.length >= most;

describe('a bucket', () => {
  test('shares UserList between both list calls and all pools', async () => {
    buckets = openTestBuckets({ share: 0.8, userListRps: 30 });
    const [users, members] = await Promise.all([
      callUntil('ListUsers', { pools: [POOL, 'us-east-1_Other'], until: count(40) }),
      callUntil('ListUsersInGroup', { until: count(20) }),
    ]);
    const all = [...users.values(), ...members.values()].flat();
    expect(mostInAnySecond(all)).toBeLessThanOrEqual(25);
  });

  test('keeps the quota of ListGroups per pool within the quota of the account', async () => {
    buckets = openTestBuckets({ share: 1, userListRps: 30 });
    const pools = Array.from({ length: 6 }, (_, i) => `us-east-1_Pool${i}`);
    const moments = await callUntil('ListGroups', { pools, parallel: 3, until: count(50) });
    for (const each of moments.values()) expect(mostInAnySecond(each)).toBeLessThanOrEqual(6);
    const all = [...moments.values()].flat();
    expect(mostInAnySecond(all)).toBeLessThanOrEqual(21);
  });

  test('leaves nine tenths of UserRead to live sign-ins at any share', async () => {
    buckets = openTestBuckets({ share: 1, userListRps: 30 });
    const moments = await callUntil('AdminGetUser', { until: count(20) });
    expect(mostInAnySecond([...moments.values()].flat())).toBeLessThanOrEqual(13);
    expect(buckets.usage('UserRead').allowed).toBe(12);
  });

  test('has no pace without a quota', async () => {
    buckets = openTestBuckets({ share: 0.8, userListRps: 100_000 });
    const stopwatch = startStopwatch();
    for (let i = 0; i < 20_000; i += 1) {
      await buckets.run('ListUsers', POOL, async () => {}, never());
    }
    expect(stopwatch.elapsed()).toBeLessThan(5_000);
  });

  test('reports the rate that it releases and the allowed rate', async () => {
    buckets = openTestBuckets({ share: 0.5, userListRps: 80 });
    expect(buckets.usage('UserList')).toEqual({ rate: 0, allowed: 40 });
    const moments = await callUntil('ListUsers', { until: count(90) });
    const { rate } = buckets.usage('UserList');
    // It counts the last two seconds in quarters, the current one included.
    const start = (Math.floor(performance.now() / 250) - 7) * 250;
    const released = (moments.get(POOL) ?? []).filter((at) => at >= start).length / 2;
    // One release more or less: one at the edge of a quarter.
    expect(Math.abs(rate - released)).toBeLessThanOrEqual(0.5);
    expect(rate).toBeLessThanOrEqual(42);
  });

  test('settles as the attempt does', async () => {
    buckets = openTestBuckets({ share: 1, userListRps: 30 });
    await expect(buckets.run('ListUsers', POOL, async () => 7, never())).resolves.toBe(7);
    const failing = async () => {
      throw new RangeError('as it is');
    };
    await expect(buckets.run('ListUsers', POOL, failing, never())).rejects.toThrow(RangeError);
  });
});

describe('after throttling', () => {
  test.each<Operation>(['ListUsers', 'ListGroups'])(
    '%s runs at half the rate, then at the full rate again',
    async (operation) => {
      buckets = openTestBuckets({ share: 1, userListRps: 5 });
      await callUntil(operation, { until: count(1) });
      buckets.slowDown(operation, POOL);
      const throttledAt = performance.now();
      const sinceThrottled = startStopwatch();
      const calls = await callUntil(operation, { until: isAtFullRate });
      // Half of five a second, one for the sliding second, one left over.
      const slowed = (calls.get(POOL) ?? []).filter((at) => at < throttledAt + 1_100);
      expect(slowed.length).toBeLessThanOrEqual(4);
      expect(sinceThrottled.elapsed()).toBeLessThan(5_700);
    },
  );

  /**
   * True once nine releases came at 5 a second, which takes 1,600 ms. At seven eighths of the rate one of
   * eight permits stays unused, so nine take 1,800 ms.
   */
  function isAtFullRate(moments: readonly number[]): boolean {
    const [first, last] = [moments.at(-9), moments.at(-1)];
    return first !== undefined && last !== undefined && last - first < 1_750;
  }
});

describe('an abort or a close', () => {
  test('ends a wait at once, with the reason', async () => {
    buckets = openTestBuckets({ share: 1, userListRps: 0.01 });
    await buckets.run('ListUsers', POOL, async () => {}, never());
    const abort = new AbortController();
    let attempts = 0;
    const waiting = Array.from({ length: 50 }, () =>
      buckets.run('ListUsers', POOL, async () => (attempts += 1), abort.signal),
    );
    await sleep(20);
    const reason = new InterruptedError();
    const sinceAbort = startStopwatch();
    abort.abort(reason);
    for (const result of await Promise.allSettled(waiting)) {
      expect(result).toEqual({ status: 'rejected', reason });
    }
    expect(sinceAbort.elapsed()).toBeLessThan(500);
    expect(attempts).toBe(0);
  });

  test('releases the next call after one interval, behind fifty aborted ones', async () => {
    buckets = openTestBuckets({ share: 1, userListRps: 1 });
    await buckets.run('ListUsers', POOL, async () => {}, never());
    const abort = new AbortController();
    const waiting = Array.from({ length: 50 }, () =>
      buckets.run('ListUsers', POOL, async () => {}, abort.signal),
    );
    const settled = Promise.allSettled(waiting);
    const stopwatch = startStopwatch();
    const next = buckets.run('ListUsers', POOL, async () => {}, never());
    await sleep(20);
    abort.abort(new InterruptedError());
    await settled;
    await next;
    expect(stopwatch.elapsed()).toBeLessThan(3_000);
  });

  test('rejects a call before it waits', async () => {
    buckets = openTestBuckets({ share: 1, userListRps: 30 });
    const reason = new InterruptedError();
    await expect(
      buckets.run('ListUsers', POOL, async () => 1, AbortSignal.abort(reason)),
    ).rejects.toBe(reason);
  });

  test('a close rejects all that wait, in the bucket of a pool too', async () => {
    buckets = openTestBuckets({ share: 0.01, userListRps: 1 });
    const operations: Operation[] = ['ListUsers', 'ListGroups'];
    let released = 0;
    const waiting = operations.flatMap((operation) =>
      Array.from({ length: 3 }, () =>
        buckets.run(operation, POOL, async () => (released += 1), never()),
      ),
    );
    const settled = Promise.allSettled(waiting);
    await expect.poll(() => released).toBe(2);
    await buckets.close();
    const rejected = (await settled).filter((result) => result.status === 'rejected');
    expect(rejected).toHaveLength(4);
    for (const { reason } of rejected) expect(reason).toBeInstanceOf(InterruptedError);
    await expect(buckets.run('ListUsers', POOL, async () => 1, never())).rejects.toBeInstanceOf(
      InterruptedError,
    );
  });
});
