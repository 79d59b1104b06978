import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { InterruptedError } from '../../src/model/errors.ts';
import { AccountBuckets } from '../../src/quota/account-buckets.ts';
import { clusteredBackend, THROTTLED } from '../../src/quota/clustered/limiter.ts';
import { openRedis } from '../../src/redis/connection.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';
import { startStopwatch } from '../support/stopwatch.ts';
import {
  moment,
  type PermitTaker,
  type PermitTakerOptions,
  startPermitTaker,
} from './permit-takers.ts';
import { mostInAnySecond } from './sliding.ts';

/** ⌈share × quota⌉ + 1 of the default options: 0.8 × 30. */
const BOUND = 25;
const POOL = 'us-east-1_Quota';
const KEY = 'cognito-mirror/111122223333/us-east-1/UserList';

let server: TestRedis;

beforeEach(async () => {
  server = await startRedis();
  onTestFinished(() => server.close());
});

const allOf = (takers: readonly PermitTaker[]) => takers.flatMap(({ releases }) => releases);
const since = (moments: readonly number[], start: number) => moments.filter((at) => at >= start);

/** Starts processes, and waits until each has taken permits. */
async function startTakers(
  count: number,
  options: Omit<PermitTakerOptions, 'url'> = {},
): Promise<PermitTaker[]> {
  const takers = Array.from({ length: count }, () =>
    startPermitTaker({ url: server.url, ...options }),
  );
  await awaitReleases(takers, 2);
  return takers;
}

/** Resolves when each has taken this many permits from now on. */
async function awaitReleases(takers: readonly PermitTaker[], count: number): Promise<void> {
  const goals = takers.map(({ releases }) => releases.length + count);
  const left = () => takers.filter(({ releases }, i) => releases.length < (goals[i] ?? 0)).length;
  await expect.poll(left).toBe(0);
}

/** Opens the buckets in this process. */
async function openBuckets(
  allowance = { share: 0.8, userListRps: 30 },
  log = createLogger({ level: 'silent' }),
): Promise<AccountBuckets> {
  const redis = await openRedis(server.url, undefined, log);
  const all = new AccountBuckets(clusteredBackend(redis, log), {
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
  test('releases the waiting attempts, whenever it happens', async () => {
    for (let wait = 0; wait < 30; wait += 3) {
      const account = `1111222233${String(wait).padStart(2, '0')}`;
      const buckets = (await openBuckets()).of(account, 'us-east-1');
      const attempts = Promise.all(
        [1, 2, 3].map(() => buckets.run('ListUsers', POOL, async () => 'released', never())),
      );
      await sleep(wait);
      await server.command('CONFIG', 'SET', 'maxmemory', 1);
      await sleep(20);
      await server.command('CONFIG', 'SET', 'maxmemory', 0);
      expect(await attempts).toHaveLength(3);
    }
  });
});

describe('processes on one Redis, together', () => {
  test('release at most the rate plus one in any sliding second', async () => {
    const takers = await startTakers(3);
    await awaitReleases(takers, 30);
    const ends = await Promise.all(takers.map((taker) => taker.stop()));
    for (const end of ends) expect(end).toEqual({ code: 0, stderr: '' });
    const all = allOf(takers);
    expect(mostInAnySecond(all)).toBeLessThanOrEqual(BOUND);
    for (const { releases } of takers) expect(releases.length / all.length).toBeGreaterThan(0.15);
  });

  test('go on within the rate after one is killed', async () => {
    const takers = await startTakers(3);
    const [killed, ...others] = takers;
    await killed?.kill();
    await awaitReleases(others, 30);
    expect(mostInAnySecond(allOf(takers))).toBeLessThanOrEqual(BOUND);
  });

  test.each(['flush', 'empty restart'])(
    'exceed the rate by one each at most after Redis lost its keys: %s',
    async (loss) => {
      const takers = await startTakers(3);
      if (loss === 'flush') await server.flush();
      else await server.restart({ keepData: false });
      const lostAt = moment();
      await awaitReleases(takers, 25);
      const all = allOf(takers);
      expect(mostInAnySecond(all)).toBeLessThanOrEqual(BOUND + 3);
      // By then the permits reserved before the loss are used.
      expect(mostInAnySecond(since(all, lostAt + 1_000))).toBeLessThanOrEqual(BOUND);
    },
  );

  test.each(['stopped', 'frozen'])(
    'release nothing while Redis is %s, then go on',
    async (away) => {
      const takers = await startTakers(3);
      if (away === 'stopped') await server.stop();
      else process.kill(server.pid, 'SIGSTOP');
      // Each has reserved one permit at most, due within their three intervals.
      const awayAt = moment() + 200;
      await sleep(3_000);
      const backAt = moment();
      if (away === 'stopped') await server.restart({ keepData: false });
      else process.kill(server.pid, 'SIGCONT');
      await awaitReleases(takers, 15);
      const all = allOf(takers);
      expect(all.filter((at) => at > awayAt && at < backAt)).toEqual([]);
      expect(mostInAnySecond(all)).toBeLessThanOrEqual(BOUND + 3);
    },
  );

  test('keep to the rate though the clock of one is an hour ahead, and of another behind', async () => {
    const takers = await startTakers(1);
    for (const clockOffsetMs of [3_600_000, -3_600_000]) {
      takers.push(...(await startTakers(1, { clockOffsetMs })));
    }
    await awaitReleases(takers, 20);
    expect(mostInAnySecond(allOf(takers))).toBeLessThanOrEqual(BOUND);
  });

  test('go on after the clock of Redis was set back', async () => {
    const takers = await startTakers(2);
    // What Redis keeps is then ahead of its clock: at once, as no permit is reserved in between.
    const script = `for _, field in ipairs({'next', 'at'}) do
      redis.call('HINCRBYFLOAT', KEYS[1], field, 3600000)
    end`;
    await server.command('EVAL', script, 1, KEY);
    const stopwatch = startStopwatch();
    await awaitReleases(takers, 10);
    expect(stopwatch.elapsed()).toBeLessThan(60_000);
    expect(mostInAnySecond(allOf(takers))).toBeLessThanOrEqual(BOUND);
  });

  test('slow down when one of them is throttled, then recover', async () => {
    const [reporter, other] = await startTakers(2, { parallel: 8 });
    if (!reporter || !other) throw new Error('Two were started.');
    for (let i = 0; i < 6; i += 1) {
      reporter.reportThrottling();
      await sleep(500);
    }
    // Halved three times in three seconds, each has an eighth.
    const countRecent = (ms: number) => since(other.releases, moment() - ms).length;
    expect(countRecent(500)).toBeLessThanOrEqual(3);
    const stopwatch = startStopwatch(reporter.pid, other.pid);
    await expect.poll(() => countRecent(1_000)).toBeGreaterThanOrEqual(8);
    expect(stopwatch.elapsed()).toBeLessThan(5_500);
  });

  test('share no bucket if their accounts differ', async () => {
    const accounts = ['111122223333', '444455556666'];
    const takers = await Promise.all(accounts.map((account) => startTakers(1, { account })));
    await awaitReleases(takers.flat(), 50);
    for (const { releases } of takers.flat()) {
      expect(mostInAnySecond(releases)).toBeLessThanOrEqual(BOUND);
    }
    const keys = (await server.command('KEYS', '*UserList')) as string[];
    expect(keys.sort()).toEqual(accounts.map((id) => `cognito-mirror/${id}/us-east-1/UserList`));
  });

  test('take the share of the newest', async () => {
    const takers = await startTakers(2, { share: 0.8 });
    takers.push(...(await startTakers(1, { share: 0.2 })));
    const start = moment();
    await awaitReleases(takers, 4);
    expect(mostInAnySecond(since(allOf(takers), start))).toBeLessThanOrEqual(7);
  });

  test('do not bunch late permits, as on a busy machine', async () => {
    const takers = await startTakers(3, { stallMs: 60 });
    await awaitReleases(takers, 15);
    expect(mostInAnySecond(allOf(takers))).toBeLessThanOrEqual(BOUND);
  });
});

describe('reports of throttling', () => {
  test('arrive again after Redis refused to subscribe, and the log has it once', async () => {
    const lines: string[] = [];
    const destination = { write: (line: string) => void lines.push(line) };
    const log = createLogger({ level: 'warn', destination });
    const redis = await openRedis(server.url, undefined, log);
    await server.command('ACL', 'SETUSER', 'default', '-subscribe');
    const backend = clusteredBackend(redis, log);
    onTestFinished(async () => {
      await backend.close();
      redis.close();
    });
    const reports: string[] = [];
    backend.onThrottling((id) => reports.push(id));
    await expect.poll(() => lines).toEqual([expect.stringContaining('SUBSCRIBE')]);
    // Longer than several attempts to subscribe.
    await sleep(5_000);
    expect(lines).toHaveLength(1);
    await server.command('ACL', 'SETUSER', 'default', '+subscribe');
    const countAfterReport = async () => {
      await server.command('PUBLISH', THROTTLED, 'a bucket');
      return reports.length;
    };
    await expect.poll(countAfterReport).toBeGreaterThan(0);
    // A reconnect loses the subscription in Redis.
    await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    const before = reports.length;
    await expect.poll(countAfterReport).toBeGreaterThan(before);
  });
});

describe('the buckets of a process', () => {
  test('have only keys of the mirror, which expire', async () => {
    const all = await openBuckets();
    await all.of('111122223333', 'us-east-1').run('ListUsers', POOL, async () => {}, never());
    const keys = (await server.command('KEYS', '*')) as string[];
    expect(keys).toContain(KEY);
    for (const key of keys) {
      expect(key).toMatch(/^cognito-mirror\//);
      expect(await server.command('PTTL', key)).toBeGreaterThan(0);
    }
  });

  test('share the quotas of writes between restores', async () => {
    const both = await Promise.all([openBuckets(), openBuckets()]);
    const moments: number[] = [];
    const attempts = both.flatMap((all) => {
      const buckets = all.ofRestore('111122223333', 'us-east-1', 1);
      const release = () =>
        buckets.run(
          'AdminAddUserToGroup',
          POOL,
          async () => moments.push(performance.now()),
          never(),
        );
      return Array.from({ length: 20 }, release);
    });
    await Promise.all(attempts);
    // ⌈25⌉ + 1.
    expect(mostInAnySecond(moments)).toBeLessThanOrEqual(26);
  });

  test('report what is released, allowed and waiting in each', async () => {
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
      {
        scope: '111122223333/us-east-1',
        bucket: 'UserPoolClientRead',
        rate: 0,
        allowed: 7.5,
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
