import { expect, test } from 'vitest';
import { RateMeter } from '../../src/quota/fair-queue.ts';
import { SlowDown } from '../../src/quota/slow-down.ts';
import fc from '../support/fast-check.ts';

function clock() {
  const time = { ms: 10_000 };
  return { time, now: () => time.ms };
}

test('throttling halves the rate, once for a burst of answers', () => {
  const { time, now } = clock();
  const slowDown = new SlowDown(now);
  expect(slowDown.factor).toBe(1);
  slowDown.recordThrottling();
  expect(slowDown.factor).toBe(0.5);
  time.ms += 100;
  slowDown.recordThrottling();
  expect(slowDown.factor).toBe(0.5);
  time.ms += 900;
  slowDown.recordThrottling();
  expect(slowDown.factor).toBe(0.25);
});

test('the rate never falls below an eighth, however long a storm lasts', () => {
  const { time, now } = clock();
  const slowDown = new SlowDown(now);
  for (let i = 0; i < 1_000; i += 1) {
    slowDown.recordThrottling();
    time.ms += 300;
  }
  expect(slowDown.factor).toBe(1 / 8);
});

test('recovers in steps after a quiet second, and wholly within 4.5 seconds', () => {
  const { time, now } = clock();
  const slowDown = new SlowDown(now);
  for (let i = 0; i < 10; i += 1) {
    time.ms += 500;
    slowDown.recordThrottling();
  }
  time.ms += 999;
  expect(slowDown.factor).toBe(1 / 8);
  time.ms += 1;
  expect(slowDown.factor).toBe(2 / 8);
  time.ms += 500;
  expect(slowDown.factor).toBe(3 / 8);
  time.ms += 2_500;
  expect(slowDown.factor).toBe(1);
});

test('the factor is always between an eighth and one', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ wait: fc.nat(3_000), throttled: fc.boolean() }), { maxLength: 200 }),
      (events) => {
        const { time, now } = clock();
        const slowDown = new SlowDown(now);
        for (const event of events) {
          time.ms += event.wait;
          const before = slowDown.factor;
          if (event.throttled) {
            slowDown.recordThrottling();
            expect(slowDown.factor).toBeLessThanOrEqual(before);
          }
          expect(slowDown.factor).toBeGreaterThanOrEqual(1 / 8);
          expect(slowDown.factor).toBeLessThanOrEqual(1);
        }
      },
    ),
  );
});

test('the rate meter gives the events a second over the last two', () => {
  const { time, now } = clock();
  const meter = new RateMeter(now);
  expect(meter.rate).toBe(0);
  for (let i = 0; i < 80; i += 1) {
    time.ms += 100;
    meter.record();
  }
  expect(meter.rate).toBeGreaterThanOrEqual(9);
  expect(meter.rate).toBeLessThanOrEqual(10);
  time.ms += 1_000;
  expect(meter.rate).toBeLessThanOrEqual(6);
  time.ms += 100_000;
  expect(meter.rate).toBe(0);
});
