import { afterEach, describe, expect, test } from 'vitest';
import { computePace, type Limiter, openLocalLimiter } from '../../src/quota/limiter.ts';
import fc from '../support/fast-check.ts';
import { mostInAnySecond } from './sliding.ts';

describe('the pace of a rate', () => {
  test('never allows more than the rate plus one in a second, with late releases', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.01, max: 4_999, noNaN: true }), (rate) => {
        const { permits, minTime } = computePace(rate);
        // A late first release, the next at once, each later one a millisecond early.
        const releases = Math.ceil(1_001 / minTime) + 1;
        expect(releases * permits).toBeLessThanOrEqual(Math.ceil(rate) + 1);
      }),
      { numRuns: 2_000 },
    );
  });

  test('leaves at most three percent of the rate unused', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.01, max: 4_999, noNaN: true }), (rate) => {
        const { permits, minTime } = computePace(rate);
        expect((permits * 1_000) / minTime).toBeGreaterThanOrEqual(rate * 0.9699);
      }),
    );
  });

  test('is unlimited for a rate that means "no quota"', () => {
    expect(computePace(80_000)).toEqual({ permits: Number.POSITIVE_INFINITY, minTime: 0 });
  });
});

describe('a local limiter', () => {
  let limiter: Limiter;
  afterEach(() => limiter.close());

  /** The moments of release of this many seconds' worth of permits. */
  async function takePermits(rate: number, seconds: number): Promise<number[]> {
    const moments: number[] = [];
    while (moments.length < rate * seconds) {
      const permits = await limiter.takePermits();
      for (let i = 0; i < permits; i += 1) moments.push(performance.now());
    }
    return moments;
  }

  test.each([24, 99.5, 240])('never exceeds %d a second by more than one', async (rate) => {
    limiter = openLocalLimiter(rate);
    const moments = await takePermits(rate, 2.5);
    expect(mostInAnySecond(moments)).toBeLessThanOrEqual(Math.ceil(rate) + 1);
  });

  test('allows no burst after the process was blocked', async () => {
    limiter = openLocalLimiter(40);
    const moments: number[] = [];
    while (moments.length < 80) {
      await limiter.takePermits();
      moments.push(performance.now());
      if (moments.length % 30 === 0) {
        const until = performance.now() + 400;
        while (performance.now() < until);
      }
    }
    expect(mostInAnySecond(moments)).toBeLessThanOrEqual(41);
  });

  test('rejects the waiting caller when it is closed', async () => {
    limiter = openLocalLimiter(0.02);
    await limiter.takePermits();
    const waiting = expect(limiter.takePermits()).rejects.toThrow();
    await new Promise((resolve) => setTimeout(resolve, 20));
    await limiter.close();
    await waiting;
    await expect(limiter.takePermits()).rejects.toThrow(/closed/);
  });
});
