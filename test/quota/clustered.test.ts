import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { InterruptedError } from '../../src/model/errors.ts';
import type { AccountBuckets } from '../../src/quota/account-buckets.ts';
import { clusteredAccountBuckets } from '../../src/quota/clustered/account-buckets.ts';
import { openRedis } from '../../src/redis/connection.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';
import { mostInAnySecond } from './sliding.ts';
import { moment, startTurnTaker, type TurnTaker, type TurnTakerOptions } from './turn-takers.ts';

/** ⌈share × quota⌉ + 1 of the default options: 0.8 × 30. */
const BOUND = 25;
const POOL = 'us-east-1_Quota';
const SETTINGS_KEY = 'b_cognito-mirror/111122223333/us-east-1/UserList_settings';

let server: TestRedis;

beforeEach(async () => {
  server = await startRedis();
  onTestFinished(() => server.close());
});

const allOf = (takers: readonly TurnTaker[]) => takers.flatMap(({ releases }) => releases);
const since = (moments: readonly number[], start: number) => moments.filter((at) => at >= start);

/** Starts processes, and waits until each has taken turns. */
async function startTakers(
  count: number,
  options: Omit<TurnTakerOptions, 'url'> = {},
): Promise<TurnTaker[]> {
  const takers = Array.from({ length: count }, () =>
    startTurnTaker({ url: server.url, ...options }),
  );
  await Promise.all(takers.map((taker) => underWay(taker)));
  return takers;
}

/** Resolves when it takes turns from now on. */
async function underWay(taker: TurnTaker): Promise<void> {
  const before = taker.releases.length;
  await expect.poll(() => taker.releases.length).toBeGreaterThan(before + 1);
}

/** Opens the buckets in this process. */
async function openBuckets(allowance = { share: 0.8, userListRps: 30 }): Promise<AccountBuckets> {
  const redis = await openRedis(server.url);
  const all = clusteredAccountBuckets(redis, {
    of: () => allowance,
    leastShare: () => allowance.share,
  });
  onTestFinished(async () => {
    await all.close();
    redis.close();
  });
  return all;
}

describe('a Redis whose memory is full for a moment', () => {
  test('gives the turns that were waited for, whenever it was', async () => {
    for (let wait = 0; wait < 30; wait += 3) {
      const account = `1111222233${String(wait).padStart(2, '0')}`;
      const buckets = (await openBuckets()).of(account, 'us-east-1');
      const turns = Promise.all(
        [1, 2, 3].map(() => buckets.run('ListUsers', POOL, async () => 'a turn', never())),
      );
      await sleep(wait);
      await server.command('CONFIG', 'SET', 'maxmemory', 1);
      await sleep(20);
      await server.command('CONFIG', 'SET', 'maxmemory', 0);
      expect(await turns).toHaveLength(3);
    }
  });
});

describe('processes on one Redis, together', () => {
  test('release no more than the rate and one in any sliding second, and reach it', async () => {
    const takers = await startTakers(3);
    const start = moment();
    await sleep(5_000);
    const ends = await Promise.all(takers.map((taker) => taker.stop()));
    for (const end of ends) expect(end).toEqual({ code: 0, stderr: '' });
    const all = allOf(takers);
    expect(mostInAnySecond(all)).toBeLessThanOrEqual(BOUND);
    const counted = since(all, start).filter((at) => at < start + 5_000);
    expect(counted.length / 5).toBeGreaterThanOrEqual(24 * 0.95);
    for (const { releases } of takers) expect(releases.length).toBeGreaterThan(5 * 24 * 0.15);
  });

  test('keep to it when one is killed, which holds nothing', async () => {
    const takers = await startTakers(3);
    await takers[0]?.kill();
    const killedAt = moment();
    await sleep(3_000);
    const all = allOf(takers);
    expect(mostInAnySecond(all)).toBeLessThanOrEqual(BOUND);
    const counted = since(all, killedAt).filter((at) => at < killedAt + 3_000);
    expect(counted.length / 3).toBeGreaterThanOrEqual(24 * 0.9);
  });

  test.each(['flush', 'empty restart'])(
    'exceed it by one each at most when Redis lost its keys: %s',
    async (loss) => {
      const takers = await startTakers(3);
      if (loss === 'flush') await server.flush();
      else await server.restart({ keepData: false });
      const lostAt = moment();
      await Promise.all(takers.map((taker) => underWay(taker)));
      await sleep(2_500);
      const all = allOf(takers);
      expect(mostInAnySecond(all)).toBeLessThanOrEqual(BOUND + 3);
      // Once the slots of the old row are gone.
      const after = since(all, lostAt + 1_000);
      expect(mostInAnySecond(after)).toBeLessThanOrEqual(BOUND);
      expect(after.length).toBeGreaterThan(24);
    },
  );

  test.each(['stopped', 'frozen'])(
    'release nothing while Redis is %s, then go on',
    async (away) => {
      const takers = await startTakers(3);
      if (away === 'stopped') await server.stop();
      else process.kill(server.pid, 'SIGSTOP');
      // Each has one registered turn at most, which comes within their three intervals.
      const awayAt = moment() + 200;
      await sleep(3_000);
      const backAt = moment();
      if (away === 'stopped') await server.restart({ keepData: false });
      else process.kill(server.pid, 'SIGCONT');
      await Promise.all(takers.map((taker) => underWay(taker)));
      await sleep(1_500);
      const all = allOf(takers);
      expect(all.filter((at) => at > awayAt && at < backAt)).toEqual([]);
      expect(mostInAnySecond(all)).toBeLessThanOrEqual(BOUND + 3);
    },
  );

  test('keep to it though the clock of one is an hour ahead, and of another behind', async () => {
    const takers = await startTakers(1);
    for (const clockOffsetMs of [3_600_000, -3_600_000]) {
      takers.push(...(await startTakers(1, { clockOffsetMs })));
    }
    const start = moment();
    await sleep(3_000);
    for (const { releases } of takers) expect(since(releases, start).length).toBeGreaterThan(12);
    expect(mostInAnySecond(allOf(takers))).toBeLessThanOrEqual(BOUND);
  });

  test('go on when the clock of Redis was set back', async () => {
    const takers = await startTakers(2);
    const inAnHour = Date.now() + 3_600_000;
    await server.command('HSET', SETTINGS_KEY, 'nextRequest', inAnHour);
    const start = moment();
    await Promise.all(takers.map((taker) => underWay(taker)));
    expect(moment() - start).toBeLessThan(60_000);
    expect(mostInAnySecond(allOf(takers))).toBeLessThanOrEqual(BOUND);
  });

  test('slow down when one of them is throttled', async () => {
    const [teller, other] = await startTakers(2, { parallel: 8 });
    if (!teller || !other) throw new Error('There are two.');
    for (let i = 0; i < 6; i += 1) {
      teller.throttled();
      await sleep(500);
    }
    // Halved three times in three seconds, each has an eighth.
    const slowed = since(other.releases, moment() - 500);
    expect(slowed.length).toBeLessThanOrEqual(3);
    await sleep(5_500);
    const recovered = since(other.releases, moment() - 1_000);
    expect(recovered.length).toBeGreaterThanOrEqual(8);
  });

  test('share no bucket where their accounts differ', async () => {
    const takers = [
      ...(await startTakers(1, { account: '111122223333' })),
      ...(await startTakers(1, { account: '444455556666' })),
    ];
    const start = moment();
    await sleep(2_500);
    for (const { releases } of takers) {
      expect(mostInAnySecond(releases)).toBeLessThanOrEqual(BOUND);
      expect(since(releases, start).length).toBeGreaterThan(2.5 * 24 * 0.8);
    }
  });

  test('take the share of the newest', async () => {
    const takers = await startTakers(2, { share: 0.8 });
    takers.push(...(await startTakers(1, { share: 0.2 })));
    const start = moment();
    await sleep(2_500);
    const all = since(allOf(takers), start);
    expect(mostInAnySecond(all)).toBeLessThanOrEqual(7);
    expect(all.length).toBeGreaterThan(10);
  });

  test('do not bunch turns that come late, as on a busy machine', async () => {
    const takers = await startTakers(3, { stallMs: 60 });
    await sleep(4_000);
    const all = allOf(takers);
    expect(mostInAnySecond(all)).toBeLessThanOrEqual(BOUND);
    expect(all.length).toBeGreaterThan(24);
  });
});

describe('the buckets of a process', () => {
  test('have keys of the mirror alone, which Redis forgets by itself', async () => {
    const all = await openBuckets();
    await all.of('111122223333', 'us-east-1').run('ListUsers', POOL, async () => {}, never());
    const keys = (await server.command('KEYS', '*')) as string[];
    expect(keys).toContain(SETTINGS_KEY);
    for (const key of keys) {
      expect(key).toMatch(/^b_cognito-mirror\//);
      expect(await server.command('PTTL', key)).toBeGreaterThan(0);
    }
  });

  test('tell what is released, allowed and waiting in each lane', async () => {
    const all = await openBuckets({ share: 0.5, userListRps: 2 });
    const buckets = all.of('111122223333', 'us-east-1');
    await buckets.run('ListUsers', POOL, async () => {}, never());
    const end = new AbortController();
    const waiting = [1, 2, 3].map(() =>
      buckets.run('ListUsers', POOL, async () => {}, end.signal).catch(() => {}),
    );
    await buckets.run('ListGroups', POOL, async () => {}, never());
    expect(all.usages()).toEqual([
      { scope: '111122223333/us-east-1', bucket: 'UserList', rate: 0.5, allowed: 1, waiting: 3 },
      { scope: 'us-east-1', bucket: 'UserPoolRead', rate: 0, allowed: 7.5, waiting: 0 },
      {
        scope: '111122223333/us-east-1',
        bucket: 'UserPoolResourceRead',
        rate: 0.5,
        allowed: 10,
        waiting: 0,
      },
      { scope: '111122223333/us-east-1', bucket: 'UserRead', rate: 0, allowed: 12, waiting: 0 },
      {
        scope: `111122223333/us-east-1/${POOL}`,
        bucket: 'ListGroups',
        rate: 0.5,
        allowed: 2.5,
        waiting: 0,
      },
    ]);
    end.abort();
    await Promise.all(waiting);
  });

  test.each([30, 100_000])('release nothing while Redis is away, at %d a second', async (rps) => {
    const buckets = (await openBuckets({ share: 1, userListRps: rps })).of('1', 'us-east-1');
    await buckets.run('ListUsers', POOL, async () => {}, never());
    await server.stop();
    await sleep(100);
    let released = 0;
    const end = new AbortController();
    const attempt = async () => {
      released += 1;
    };
    const aborted = buckets.run('ListUsers', POOL, attempt, end.signal);
    const going = buckets.run('ListUsers', POOL, attempt, never());
    await sleep(500);
    expect(released).toBe(0);
    const reason = new InterruptedError();
    end.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    await server.restart({ keepData: false });
    await going;
    expect(released).toBe(1);
  });

  test.each([30, 100_000])('close while Redis is away, at %d a second', async (rps) => {
    const all = await openBuckets({ share: 1, userListRps: rps });
    const buckets = all.of('1', 'us-east-1');
    await buckets.run('ListUsers', POOL, async () => {}, never());
    await server.kill();
    await sleep(100);
    const waiting = buckets.run('ListUsers', POOL, async () => {}, never());
    const settled = expect(waiting).rejects.toBeInstanceOf(InterruptedError);
    await all.close();
    await settled;
  });
});

function never(): AbortSignal {
  return new AbortController().signal;
}
