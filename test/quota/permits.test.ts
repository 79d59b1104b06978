import { Redis } from 'ioredis';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import {
  definePermitScript,
  LATEST,
  PermitReserver,
  PermitTimes,
} from '../../src/quota/clustered/permits.ts';
import { computePace, RESERVE_OF_CLUSTER } from '../../src/quota/limiter.ts';
import fc from '../support/fast-check.ts';
import { startRedis } from '../support/redis-server.ts';
import { mostInAnySecond } from './sliding.ts';

describe('the time at which a permit is due', () => {
  /** What a timer and the network to Redis may add to how late a permit is, in milliseconds. */
  const EARLY = 1;
  const ROUND_TRIP = 2;

  test('keeps permits used in time below the rate plus one in a sliding second', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.5, max: 400, noNaN: true }),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 50 }),
        (rate, lateness) => {
          const { permits, minTime } = computePace(rate, RESERVE_OF_CLUSTER);
          const releases = Array.from({ length: Math.ceil(2_500 / minTime) + 1 }, (_, i) => {
            const late = lateness[i % lateness.length] ?? 0;
            return i * minTime - EARLY + late * (EARLY + ROUND_TRIP + LATEST * minTime);
          });
          const released = releases.flatMap((at) => Array.from({ length: permits }, () => at));
          expect(mostInAnySecond(released)).toBeLessThanOrEqual(Math.ceil(rate) + 1);
        },
      ),
    );
  });

  test('follows the shortest round trip, however late an answer is read', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 20, noNaN: true }),
        fc.array(fc.double({ min: 0, max: 500, noNaN: true }), { maxLength: 15 }),
        (roundTrip, delays) => {
          const times = new PermitTimes();
          for (const [i, delay] of [0, ...delays].entries()) {
            const sentAt = i * 1_000;
            const answeredAt = sentAt + roundTrip + delay;
            const dueAt = times.compute({ sentAt, answeredAt, waitMs: 40 });
            expect(dueAt).toBeCloseTo(sentAt + roundTrip + 40, 6);
          }
        },
      ),
    );
  });

  test('follows a network that has become slower, after a while', () => {
    const times = new PermitTimes();
    times.compute({ sentAt: 0, answeredAt: 1, waitMs: 0 });
    const dues = Array.from({ length: 16 }, () =>
      times.compute({ sentAt: 0, answeredAt: 60, waitMs: 0 }),
    );
    expect(dues[0]).toBe(1);
    expect(dues.at(-1)).toBe(60);
  });
});

describe('the script that reserves permits', () => {
  /** Long, so that the time between two calls does not matter. */
  const MIN_TIME = 60_000;
  const KEY = 'cognito-mirror/test';
  let client: ReturnType<typeof definePermitScript>;

  beforeEach(async () => {
    const server = await startRedis();
    client = definePermitScript(new Redis(server.url));
    onTestFinished(async () => {
      client.disconnect();
      await server.close();
    });
  });

  const open = (minTime = MIN_TIME) => new PermitReserver(client, KEY, minTime);
  const readNext = async () => Number(await client.hget(KEY, 'next'));

  test('makes permits of all processes one interval apart', async () => {
    const [one, other] = [open(), open()];
    expect((await one.reserve()).waitMs).toBe(0);
    const first = await readNext();
    for (let i = 1; i <= 4; i += 1) {
      const { waitMs } = await (i % 2 === 0 ? one : other).reserve();
      expect(waitMs).toBeGreaterThan((i - 1) * MIN_TIME);
      expect(waitMs).toBeLessThanOrEqual(i * MIN_TIME);
      expect((await readNext()) - first).toBeCloseTo(i * MIN_TIME, 1);
    }
  });

  test('keeps the waits when the clock of Redis was set back', async () => {
    const reserver = open();
    for (let i = 0; i < 3; i += 1) await reserver.reserve();
    const hour = 3_600_000;
    for (const field of ['next', 'at']) await client.hincrbyfloat(KEY, field, hour);
    const { waitMs } = await reserver.reserve();
    expect(waitMs).toBeGreaterThan(2 * MIN_TIME);
    expect(waitMs).toBeLessThanOrEqual(3 * MIN_TIME);
  });

  test('uses the interval of the reserver that came last', async () => {
    const old = open();
    await old.reserve();
    await open(2 * MIN_TIME).reserve();
    const before = await readNext();
    await old.reserve();
    expect((await readNext()) - before).toBeCloseTo(2 * MIN_TIME, 1);
  });

  test('starts again with its own interval after Redis lost its keys and scripts', async () => {
    const reserver = open();
    await reserver.reserve();
    await reserver.reserve();
    await client.flushall();
    await client.script('FLUSH');
    expect((await reserver.reserve()).waitMs).toBe(0);
    expect(Number(await client.hget(KEY, 'minTime'))).toBe(MIN_TIME);
  });
});
