import { expect, test } from 'vitest';
import { LATEST, PermitTimes } from '../../src/quota/clustered/permit-times.ts';
import { clusterScripts } from '../../src/quota/clustered/scripts.ts';
import { computePace, RESERVE_OF_CLUSTER } from '../../src/quota/limiter.ts';
import fc from '../support/fast-check.ts';
import { mostInAnySecond } from './sliding.ts';

/** What a timer and the network to Redis may add to how late a turn is, in milliseconds. */
const EARLY = 1;
const ROUND_TRIP = 2;

test('turns taken in time never exceed the rate and one in a sliding second', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.5, max: 400, noNaN: true }),
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 50 }),
      (rate, lateness) => {
        const { attempts, minTime } = computePace(rate, RESERVE_OF_CLUSTER);
        const turns = Array.from({ length: Math.ceil(2_500 / minTime) + 1 }, (_, i) => {
          const late = lateness[i % lateness.length] ?? 0;
          return i * minTime - EARLY + late * (EARLY + ROUND_TRIP + LATEST * minTime);
        });
        const released = turns.flatMap((at) => Array.from({ length: attempts }, () => at));
        expect(mostInAnySecond(released)).toBeLessThanOrEqual(Math.ceil(rate) + 1);
      },
    ),
  );
});

test('a slot is due by the least round trip, however late its answer is read', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 20, noNaN: true }),
      fc.array(fc.double({ min: 0, max: 500, noNaN: true }), { maxLength: 15 }),
      (roundTrip, delays) => {
        const times = new PermitTimes();
        for (const [i, delay] of [0, ...delays].entries()) {
          const askedAt = i * 1_000;
          const due = times.due({ askedAt, answeredAt: askedAt + roundTrip + delay, wait: 40 });
          expect(due).toBeCloseTo(askedAt + roundTrip + 40, 6);
        }
      },
    ),
  );
});

test('a way to Redis that has become longer is the usual one after a while', () => {
  const times = new PermitTimes();
  times.due({ askedAt: 0, answeredAt: 1, wait: 0 });
  const dues = Array.from({ length: 16 }, () => times.due({ askedAt: 0, answeredAt: 60, wait: 0 }));
  expect(dues[0]).toBe(1);
  expect(dues.at(-1)).toBe(60);
});

test('no script reads the clock of its caller', () => {
  const scripts = clusterScripts();
  expect(scripts.size).toBeGreaterThan(10);
  for (const lua of scripts.values()) {
    expect(lua).not.toContain('ARGV[1])');
    expect(lua.split("redis.call('time')")).toHaveLength(2);
  }
});
