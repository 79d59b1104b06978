import { describe, expect, it } from 'vitest';
import { computeDueTimes } from '../../src/postgres/coordination/due-times.ts';
import fc from '../support/fast-check.ts';

const POOL = 'eu-west-1_Fixture01';
const MINUTE_MS = 60_000;

/** The first times by the clock of UTC that a pattern comes due at, each asked for when the one before begins. */
function dueTimes(pattern: string, timezone: string, after: string, count: number): string[] {
  const times: string[] = [];
  let now = new Date(after);
  while (times.length < count) {
    const { dueAt, startsAt } = computeDueTimes({ poolId: POOL, pattern, timezone }, now);
    times.push(dueAt.toISOString().slice(0, 16));
    now = startsAt;
  }
  return times;
}

/** Patterns whose runs are a minute to four weeks apart, with the shortest time between two. */
const PATTERNS = [
  ['* * * * *', MINUTE_MS],
  ['*/20 * * * *', 20 * MINUTE_MS],
  ['0 2 * * *', 24 * 60 * MINUTE_MS],
  ['0 2 * * 1', 7 * 24 * 60 * MINUTE_MS],
  ['0 2 1 * *', 28 * 24 * 60 * MINUTE_MS],
  ['*/5 * * * * *', 5_000],
] as const;

const pools = fc.stringMatching(/^[A-Za-z0-9]{1,12}$/).map((name) => `us-east-1_${name}`);
const moments = fc.date({
  min: new Date('2026-01-01T00:00:00Z'),
  max: new Date('2030-01-01T00:00:00Z'),
  noInvalidDate: true,
});

describe("a pool's own delay", () => {
  it('is at most five minutes and a tenth of the time between two runs', () => {
    fc.assert(
      fc.property(pools, fc.constantFrom(...PATTERNS), moments, (poolId, [pattern], after) => {
        const schedule = { poolId, pattern, timezone: 'UTC' };
        const { dueAt, startsAt } = computeDueTimes(schedule, after);
        const gap = computeDueTimes(schedule, dueAt).dueAt.getTime() - dueAt.getTime();
        const delay = startsAt.getTime() - dueAt.getTime();
        expect(dueAt.getTime()).toBeGreaterThan(after.getTime());
        expect(delay).toBeGreaterThanOrEqual(0);
        expect(delay).toBeLessThanOrEqual(Math.min(5 * MINUTE_MS, gap / 10));
      }),
    );
  });

  it('is the same for every run of a regular schedule, whenever it is asked for', () => {
    fc.assert(
      fc.property(
        pools,
        fc.constantFrom(...PATTERNS.slice(0, 3)),
        moments,
        moments,
        (poolId, [pattern], one, other) => {
          const delays = [one, other].map((after) => {
            const times = computeDueTimes({ poolId, pattern, timezone: 'UTC' }, after);
            return times.startsAt.getTime() - times.dueAt.getTime();
          });
          expect(delays[0]).toBe(delays[1]);
        },
      ),
    );
  });

  it('spreads the pools over the time that it may take', () => {
    const after = new Date('2026-11-21T00:00:00Z');
    const delays = Array.from({ length: 100 }, (_, i) => {
      const schedule = { poolId: `us-east-1_Pool${i}`, pattern: '0 2 * * *', timezone: 'UTC' };
      const { dueAt, startsAt } = computeDueTimes(schedule, after);
      return startsAt.getTime() - dueAt.getTime();
    });
    const ofEachMinute = [0, 1, 2, 3, 4].map(
      (minute) => delays.filter((delay) => Math.floor(delay / MINUTE_MS) === minute).length,
    );
    for (const count of ofEachMinute) expect(count).toBeGreaterThan(5);
  });
});

describe('daylight saving', () => {
  it('lets a run whose time is skipped begin an hour later by the clock, once', () => {
    expect(dueTimes('30 2 * * *', 'Europe/Berlin', '2026-03-27T12:00:00Z', 3)).toEqual([
      '2026-03-28T01:30',
      '2026-03-29T01:30',
      '2026-03-30T00:30',
    ]);
  });

  it('lets a run whose time comes twice begin at the first of them, once', () => {
    expect(dueTimes('30 2 * * *', 'Europe/Berlin', '2026-10-24T00:00:00Z', 3)).toEqual([
      '2026-10-24T00:30',
      '2026-10-25T00:30',
      '2026-10-26T01:30',
    ]);
    expect(dueTimes('30 1 * * *', 'America/New_York', '2026-10-31T12:00:00Z', 2)).toEqual([
      '2026-11-01T05:30',
      '2026-11-02T06:30',
    ]);
  });

  it('leaves a run out, until the next day, if the hour after midnight is skipped', () => {
    expect(dueTimes('30 0 * * *', 'America/Havana', '2026-03-07T00:00:00Z', 2)).toEqual([
      '2026-03-07T05:30',
      '2026-03-09T04:30',
    ]);
  });

  it('keeps runs of every half hour half an hour apart on both days', () => {
    for (const after of ['2026-03-29T00:00:00Z', '2026-10-25T00:00:00Z']) {
      const times = dueTimes('*/30 * * * *', 'Europe/Berlin', after, 6).map((time) =>
        Date.parse(`${time}Z`),
      );
      const gaps = times.slice(1).map((time, i) => (time - (times[i] as number)) / MINUTE_MS);
      expect(gaps).toEqual([30, 30, 30, 30, 30]);
    }
  });
});
