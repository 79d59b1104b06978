import { describe, expect, test } from 'vitest';
import {
  estimateChildren,
  isInside,
  listChildren,
  MAX_DEPTH,
  prefixFilter,
  shouldSplit,
} from '../../src/cognito/shards.ts';
import fc from '../support/fast-check.ts';

const DIGITS = Array.from('0123456789abcdef');
const prefixes = fc.string({ unit: fc.constantFrom(...DIGITS), maxLength: MAX_DEPTH });
const sub = fc.uuid();

describe('the children of a shard', () => {
  test('hold exactly its users, each in one of them', () => {
    fc.assert(
      fc.property(prefixes, sub, (prefix, id) => {
        const inside = listChildren(prefix).filter((child) => isInside(child, id));
        // A prefix of eight digits still ends before the dash.
        expect(inside).toHaveLength(isInside(prefix, id) ? 1 : 0);
      }),
    );
    fc.assert(
      fc.property(sub, fc.nat(MAX_DEPTH), (id, depth) => {
        const prefix = id.slice(0, depth);
        expect(listChildren(prefix).filter((child) => isInside(child, id))).toHaveLength(1);
      }),
    );
  });

  test('are all sixteen, whatever was seen', () => {
    expect(listChildren('a4')).toEqual(Array.from('0123456789abcdef', (digit) => `a4${digit}`));
  });
});

test('the whole pool holds every user, a shard only users with a sub', () => {
  expect(isInside('', null)).toBe(true);
  expect(isInside('a', null)).toBe(false);
});

test('the filter is the one of the service', () => {
  expect(prefixFilter('a4')).toBe('sub ^= "a4"');
});

describe('the users expected in the children', () => {
  const sample = fc.array(fc.record({ sub: fc.option(sub) }), { maxLength: 60 });
  const counts = fc
    .dictionary(fc.constantFrom(...DIGITS), fc.nat(1_000_000))
    .map((each) => new Map(Object.entries(each)));

  test('add up to the parent, and are never 0', () => {
    fc.assert(
      fc.property(
        prefixes,
        fc.integer({ min: 1, max: 40_000_000 }),
        fc.oneof(sample, counts),
        (prefix, expected, known) => {
          const children = estimateChildren(prefix, expected, known);
          expect(children).toHaveLength(16);
          for (const child of children) expect(child).toBeGreaterThan(0);
          const sum = children.reduce((total, child) => total + child, 0);
          expect(Math.abs(sum - expected)).toBeLessThan(expected * 1e-9);
        },
      ),
    );
  });

  test('follow what is known: a page of users, or counts', () => {
    const users = Array.from({ length: 60 }, () => ({
      sub: 'a4c00000-0000-4000-8000-000000000000',
    }));
    const bySample = estimateChildren('a', 10_000, users);
    // A page may be of one child because the service lists by `sub`: it counts for half.
    expect(bySample[4]).toBeGreaterThan(5_000);
    expect(bySample[4]).toBeLessThan(6_000);
    expect(bySample[5]).toBeGreaterThan(300);
    // Fifteen of one child are no chance, a few more than of others are.
    const spread = (ofFirst: number) =>
      Array.from({ length: 60 }, (_, i) => ({ sub: `a${DIGITS[i < ofFirst ? 0 : i % 16]}` }));
    expect(new Set(estimateChildren('a', 1_600, spread(8)))).toEqual(new Set([100]));
    expect(estimateChildren('a', 1_600, spread(20))[0]).toBeGreaterThan(250);
    const byCounts = estimateChildren(
      'a',
      3_000,
      new Map([
        ['0', 2_000],
        ['f', 1_000],
      ]),
    );
    expect(byCounts[0]).toBeGreaterThan(1_900);
    expect(byCounts[15]).toBeGreaterThan(900);
  });
});

describe('a shard is split', () => {
  const shard = { prefix: '', expected: 0, total: 0, itemsRead: 0 };
  test.each([
    ['a small pool', { expected: 1_200, total: 1_200 }, false],
    ['a pool worth several walks', { expected: 1_201, total: 1_201 }, true],
    ['a dominant shard', { prefix: 'a4', expected: 5_000, total: 20_000 }, true],
    ['one of many shards', { prefix: 'a4', expected: 5_000, total: 30_000 }, false],
    ['a large shard', { prefix: 'a', expected: 24_001, total: 1_000_000 }, true],
    ['one just not large', { prefix: 'a', expected: 24_000, total: 1_000_000 }, false],
    ['a walk that overruns', { prefix: 'a', expected: 10, total: 50, itemsRead: 1_200 }, true],
    ['one that overruns by little', { expected: 900, total: 90_000, itemsRead: 3_599 }, false],
    ['one that overruns fourfold', { expected: 900, total: 90_000, itemsRead: 3_600 }, true],
    ['one that overruns in a huge pool', { total: 1_000_000, itemsRead: 1_200 }, false],
    ['one that overruns on and on', { total: 1_000_000, itemsRead: 1_560 }, true],
    ['a shard of seven digits', { prefix: '0123456', expected: 9e6, total: 9e6 }, false],
  ])('%s: %o %s', (_, view, split) => {
    expect(shouldSplit({ ...shard, ...view })).toBe(split);
  });
});

test('cutting ends for any pool and any wrong expectation, and never below seven digits', () => {
  fc.assert(
    fc.property(
      fc.array(sub, { minLength: 1, maxLength: 40 }),
      fc.nat(7),
      fc.nat(100_000),
      fc.integer({ min: 1, max: 100_000 }),
      (subs, shared, expected, perUser) => {
        // Everyone shares some first digits, and counts for many: as skewed as a pool can be.
        const users = subs.map((id) => (subs[0] ?? '').slice(0, shared) + id.slice(shared));
        let walks = 0;
        const walked: string[] = [];
        const walk = (prefix: string, likely: number) => {
          walks += 1;
          expect(prefix.length).toBeLessThanOrEqual(MAX_DEPTH);
          const inside = users.filter((id) => isInside(prefix, id));
          const itemsRead = inside.length * perUser;
          if (
            itemsRead > 0 &&
            shouldSplit({ prefix, expected: likely, total: expected, itemsRead })
          ) {
            const sizes = estimateChildren(
              prefix,
              likely,
              inside.map((id) => ({ sub: id })),
            );
            for (const [digit, child] of listChildren(prefix).entries()) {
              walk(child, sizes[digit] ?? 0);
            }
          } else {
            walked.push(...inside);
          }
        };
        walk('', expected);
        expect(walked.toSorted()).toEqual(users.toSorted());
        expect(walks).toBeLessThanOrEqual(1 + 16 * (MAX_DEPTH + 1) * users.length);
      },
    ),
  );
});
