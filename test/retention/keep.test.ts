import { describe, expect, test } from 'vitest';
import { KEEP_KINDS, type KeepKind, type KeepRule } from '../../src/config/keep-rule.ts';
import { parseSnapshotId, snapshotId } from '../../src/model/snapshot.ts';
import { chooseKept, type KeepCandidate } from '../../src/retention/keep.ts';
import fc from '../support/fast-check.ts';

const candidate = (at: Date): KeepCandidate => ({ snapshot: snapshotId(at), at });
const nights = (from: string, count: number) =>
  Array.from({ length: count }, (_, night) =>
    candidate(new Date(Date.parse(`${from}T02:00:00Z`) + night * 86_400_000)),
  );

/** The ids that are kept, oldest first, without their times of day. */
function keptDays(candidates: readonly KeepCandidate[], rule: KeepRule): string[] {
  return [...chooseKept(candidates, rule).keys()].map((id) => id.slice(0, 8)).sort();
}

describe('a rule', () => {
  test('keeps the newest of the last days, months and years that have a snapshot', () => {
    const rule = { daily: 3, monthly: 3, yearly: 3 };
    expect(keptDays(nights('2023-05-01', 1_300), rule)).toEqual([
      '20241231',
      '20251231',
      '20260930',
      '20261031',
      '20261118',
      '20261119',
      '20261120',
    ]);
  });

  test('says by which kinds a snapshot is kept', () => {
    const [first, ...others] = nights('2026-11-28', 3);
    const kept = chooseKept([first as KeepCandidate, ...others], { last: 1, daily: 2, monthly: 1 });
    expect([...kept]).toEqual([
      ['20261130T020000Z', ['newest', 'last', 'daily', 'monthly']],
      ['20261129T020000Z', ['daily']],
    ]);
  });

  test('counts only days that have a snapshot', () => {
    const sparse = ['2026-11-01', '2026-11-15', '2026-11-20'].flatMap((day) => nights(day, 1));
    expect(keptDays(sparse, { daily: 2 })).toEqual(['20261115', '20261120']);
  });

  test('keeps the newest of a day in UTC, whatever the zone of this machine', () => {
    const times = ['2026-11-19T23:59:59Z', '2026-11-20T00:00:00Z', '2026-11-20T23:59:59Z'];
    const kept = chooseKept(
      times.map((time) => candidate(new Date(time))),
      { daily: 2 },
    );
    expect([...kept.keys()]).toEqual(['20261120T235959Z', '20261119T235959Z']);
  });

  test('begins weeks on Monday', () => {
    // 2026-11-16 and 2026-11-23 are Mondays.
    const days = nights('2026-11-14', 12);
    expect(keptDays(days, { weekly: 3 })).toEqual(['20261115', '20261122', '20261125']);
  });

  test('keeps the newest snapshot in any case, and nothing of nothing', () => {
    expect(keptDays(nights('2026-11-20', 5), {})).toEqual(['20261124']);
    expect(keptDays([], { daily: 3 })).toEqual([]);
  });
});

/** The period of a snapshot, in another way than the program's. */
const MODEL: Readonly<Record<KeepKind, (at: Date) => number>> = {
  last: (at) => at.getTime(),
  daily: (at) => Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate()),
  // The first Monday of the epoch is its fifth day.
  weekly: (at) => Math.floor((at.getTime() / 86_400_000 - 4) / 7),
  monthly: (at) => at.getUTCFullYear() * 12 + at.getUTCMonth(),
  yearly: (at) => at.getUTCFullYear(),
};

/** One snapshot is kept if none of its period is later, and fewer than N later periods have one. */
function isKept(at: Date, all: readonly Date[], rule: KeepRule): boolean {
  const later = all.filter((each) => each > at);
  return (
    later.length === 0 ||
    KEEP_KINDS.some((kind) => {
      const laterPeriods = new Set(later.map(MODEL[kind]));
      return !laterPeriods.has(MODEL[kind](at)) && laterPeriods.size < (rule[kind] ?? 0);
    })
  );
}

const seconds = fc.integer({
  min: Date.UTC(2019, 0) / 1000,
  max: Date.UTC(2026, 11) / 1000,
});
/** Some close together, some years apart. */
const times = fc
  .array(fc.tuple(seconds, fc.array(fc.nat(200_000), { maxLength: 6 })), { maxLength: 12 })
  .map((groups) => [
    ...new Set(groups.flatMap(([base, steps]) => [base, ...steps.map((step) => base + step)])),
  ])
  .map((all) => all.map((second) => new Date(second * 1000)));
const rules = fc.record(
  Object.fromEntries(KEEP_KINDS.map((kind) => [kind, fc.integer({ min: 1, max: 15 })])) as Record<
    KeepKind,
    fc.Arbitrary<number>
  >,
  { requiredKeys: [] },
);

test('random rules keep what a plain model keeps', () => {
  fc.assert(
    fc.property(times, rules, (all, rule) => {
      const expected = all.filter((at) => isKept(at, all, rule)).map(snapshotId);
      expect([...chooseKept(all.map(candidate), rule).keys()].sort()).toEqual(expected.sort());
    }),
    { numRuns: 300 },
  );
});

test('a rule keeps all of what it kept', () => {
  fc.assert(
    fc.property(times, rules, (all, rule) => {
      const kept = [...chooseKept(all.map(candidate), rule).keys()];
      const again = kept.map((id) => candidate(parseSnapshotId(id) as Date));
      expect([...chooseKept(again, rule).keys()].sort()).toEqual(kept.sort());
    }),
    { numRuns: 300 },
  );
});
