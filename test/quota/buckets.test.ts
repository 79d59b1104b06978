import { afterEach, describe, expect, test } from 'vitest';
import { InterruptedError } from '../../src/model/errors.ts';
import type { Operation } from '../../src/quota/quotas.ts';
import { openTestBuckets, type TestBuckets } from '../support/buckets.ts';
import { mostInAnySecond } from './sliding.ts';

const POOL = 'us-east-1_Quota';
const never = () => new AbortController().signal;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

let buckets: TestBuckets;
afterEach(() => buckets.close());

/** Calls the operation in parallel until `forMs` have passed; returns the moments of release. */
async function releases(
  operation: Operation,
  forMs: number,
  { pools = [POOL], parallel = 8, onRelease = () => {} } = {},
): Promise<Map<string, number[]>> {
  const moments = new Map<string, number[]>(pools.map((pool) => [pool, []]));
  const end = new AbortController();
  const timer = setTimeout(() => end.abort(), forMs);
  const caller = async (pool: string) => {
    while (!end.signal.aborted) {
      await buckets.run(
        operation,
        pool,
        async () => {
          moments.get(pool)?.push(performance.now());
          onRelease();
        },
        end.signal,
      );
    }
  };
  await Promise.allSettled(
    pools.flatMap((pool) => Array.from({ length: parallel }, () => caller(pool))),
  );
  clearTimeout(timer);
  return moments;
}

describe('a bucket', () => {
  test('shares UserList between both list calls and all pools, and keeps the share', async () => {
    buckets = openTestBuckets({ share: 0.8, userListRps: 30 });
    const [users, members] = await Promise.all([
      releases('ListUsers', 2_500, { pools: [POOL, 'us-east-1_Other'] }),
      releases('ListUsersInGroup', 2_500),
    ]);
    const all = [...users.values(), ...members.values()].flat();
    expect(mostInAnySecond(all)).toBeLessThanOrEqual(25);
    expect(all.length).toBeGreaterThan(50);
    expect(members.get(POOL)?.length).toBeGreaterThan(5);
  });

  test('gives ListGroups its part per pool inside the part of the account', async () => {
    buckets = openTestBuckets({ share: 1, userListRps: 30 });
    const pools = Array.from({ length: 6 }, (_, i) => `us-east-1_Pool${i}`);
    const moments = await releases('ListGroups', 2_500, { pools, parallel: 3 });
    for (const each of moments.values()) expect(mostInAnySecond(each)).toBeLessThanOrEqual(6);
    const all = [...moments.values()].flat();
    expect(mostInAnySecond(all)).toBeLessThanOrEqual(21);
    expect(all.length).toBeGreaterThan(40);
  });

  test('leaves live sign-ins nine tenths of UserRead, whatever the share', async () => {
    buckets = openTestBuckets({ share: 1, userListRps: 30 });
    const moments = await releases('AdminGetUser', 1_500);
    expect(mostInAnySecond([...moments.values()].flat())).toBeLessThanOrEqual(13);
    expect(buckets.usage('UserRead').allowed).toBe(12);
  });

  test('costs next to nothing where there is no quota', async () => {
    buckets = openTestBuckets({ share: 0.8, userListRps: 100_000 });
    const start = performance.now();
    for (let i = 0; i < 20_000; i += 1) {
      await buckets.run('ListUsers', POOL, async () => {}, never());
    }
    expect(performance.now() - start).toBeLessThan(5_000);
  });

  test('tells the rate that it releases and the rate allowed', async () => {
    buckets = openTestBuckets({ share: 0.5, userListRps: 80 });
    expect(buckets.usage('UserList')).toEqual({ rate: 0, allowed: 40 });
    await releases('ListUsers', 2_300);
    expect(buckets.usage('UserList').rate).toBeGreaterThan(25);
    expect(buckets.usage('UserList').rate).toBeLessThanOrEqual(42);
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
  test.each<Operation>(['ListUsers', 'ListGroups'])('%s runs slower, then recovers', async (op) => {
    buckets = openTestBuckets({ share: 1, userListRps: 5 });
    await releases(op, 10);
    buckets.slowDown(op, POOL);
    const slowed = [...(await releases(op, 1_100)).values()].flat();
    expect(slowed.length).toBeLessThanOrEqual(4);
    await sleep(2_500);
    const recovered = [...(await releases(op, 2_000)).values()].flat();
    expect(recovered.length).toBeGreaterThanOrEqual(8);
  });
});

describe('an abort or a close', () => {
  test('ends a wait at once, with the reason, and leaves the turn to the next', async () => {
    buckets = openTestBuckets({ share: 1, userListRps: 1 });
    await buckets.run('ListUsers', POOL, async () => {}, never());
    const abort = new AbortController();
    let attempts = 0;
    const waiting = Array.from({ length: 50 }, () =>
      buckets.run('ListUsers', POOL, async () => (attempts += 1), abort.signal),
    );
    const start = performance.now();
    const next = buckets.run('ListUsers', POOL, async () => performance.now(), never());
    await sleep(20);
    const reason = new InterruptedError();
    abort.abort(reason);
    for (const result of await Promise.allSettled(waiting)) {
      expect(result).toEqual({ status: 'rejected', reason });
    }
    expect(performance.now() - start).toBeLessThan(500);
    // Behind fifty aborted waits, the next is released after one interval, not fifty.
    expect((await next) - start).toBeLessThan(3_000);
    expect(attempts).toBe(0);
  });

  test('is seen before any waiting', async () => {
    buckets = openTestBuckets({ share: 1, userListRps: 30 });
    const reason = new InterruptedError();
    await expect(
      buckets.run('ListUsers', POOL, async () => 1, AbortSignal.abort(reason)),
    ).rejects.toBe(reason);
  });

  test('a close rejects whoever waits, in the bucket of a pool too', async () => {
    buckets = openTestBuckets({ share: 0.01, userListRps: 1 });
    const operations: Operation[] = ['ListUsers', 'ListGroups'];
    const waiting = operations.flatMap((operation) =>
      Array.from({ length: 3 }, () => buckets.run(operation, POOL, async () => 1, never())),
    );
    const settled = Promise.allSettled(waiting);
    await sleep(50);
    await buckets.close();
    const rejected = (await settled).filter((result) => result.status === 'rejected');
    expect(rejected).toHaveLength(4);
    for (const { reason } of rejected) expect(reason).toBeInstanceOf(InterruptedError);
    await expect(buckets.run('ListUsers', POOL, async () => 1, never())).rejects.toBeInstanceOf(
      InterruptedError,
    );
  });
});
