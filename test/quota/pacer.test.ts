import { afterEach, describe, expect, test } from 'vitest';
import { computePace, type Limiter, openLocalLimiter } from '../../src/quota/limiter.ts';
import fc from '../support/fast-check.ts';
import { mostInAnySecond } from './sliding.ts';

describe('the pace of a rate', () => {
  test('never allows more than its rate and one in a second, late turns included', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.01, max: 4_999, noNaN: true }), (rate) => {
        const { attempts, minTime } = computePace(rate);
        // A late first turn, the next at once, each later one a millisecond early.
        const turns = Math.ceil(1_001 / minTime) + 1;
        expect(turns * attempts).toBeLessThanOrEqual(Math.ceil(rate) + 1);
      }),
      { numRuns: 2_000 },
    );
  });

  test('gives up at most three percent of the rate', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.01, max: 4_999, noNaN: true }), (rate) => {
        const { attempts, minTime } = computePace(rate);
        expect((attempts * 1_000) / minTime).toBeGreaterThanOrEqual(rate * 0.9699);
      }),
    );
  });

  test('is none where the rate means that there is no quota', () => {
    expect(computePace(80_000)).toEqual({ attempts: Number.POSITIVE_INFINITY, minTime: 0 });
  });
});

describe('a local pacer', () => {
  let pacer: Limiter;
  afterEach(() => pacer.close());

  async function releases(forMs: number): Promise<number[]> {
    const moments: number[] = [];
    const start = performance.now();
    while (performance.now() - start < forMs) {
      const attempts = await pacer.turn();
      for (let i = 0; i < attempts; i += 1) moments.push(performance.now());
    }
    return moments;
  }

  test.each([24, 99.5, 240])('holds %d a second, and reaches it', async (rate) => {
    pacer = openLocalLimiter(rate);
    const moments = await releases(2_500);
    expect(mostInAnySecond(moments)).toBeLessThanOrEqual(Math.ceil(rate) + 1);
    expect(moments.length).toBeGreaterThan(rate * 2.5 * 0.8);
  });

  test('does not let a burst through after the process stood still', async () => {
    pacer = openLocalLimiter(40);
    const moments: number[] = [];
    const start = performance.now();
    while (performance.now() - start < 2_500) {
      await pacer.turn();
      moments.push(performance.now());
      if (moments.length % 30 === 0) {
        const until = performance.now() + 400;
        while (performance.now() < until);
      }
    }
    expect(mostInAnySecond(moments)).toBeLessThanOrEqual(41);
  });

  test('ends the turn that waits when it is closed', async () => {
    pacer = openLocalLimiter(0.02);
    await pacer.turn();
    const waiting = expect(pacer.turn()).rejects.toThrow();
    await new Promise((resolve) => setTimeout(resolve, 20));
    await pacer.close();
    await waiting;
    await expect(pacer.turn()).rejects.toThrow(/closed/);
  });
});
