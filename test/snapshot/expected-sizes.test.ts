import { expect, it } from 'vitest';
import { areWalksLong, LONG_WALKS_S } from '../../src/snapshot/expected-sizes.ts';

/** At 30 calls a second, 60 items each. */
const ITEMS_IN_20_MINUTES = 30 * 60 * 20 * 60;

it.each([
  ['users for 20 minutes', { users: ITEMS_IN_20_MINUTES, memberships: null }, 30, false],
  ['users for more', { users: ITEMS_IN_20_MINUTES + 60, memberships: null }, 30, true],
  ['memberships for the rest', { users: 60, memberships: ITEMS_IN_20_MINUTES }, 30, true],
  ['half the rate', { users: ITEMS_IN_20_MINUTES / 2 + 60, memberships: 0 }, 15, true],
  ['the rate of a test', { users: ITEMS_IN_20_MINUTES, memberships: 0 }, 100_000, false],
  ['an empty pool', { users: 0, memberships: 0 }, 30, false],
])('%s: long walks or not', (_, sizes, callsASecond, long) => {
  expect(areWalksLong(sizes, callsASecond)).toBe(long);
});

it('takes another limit', () => {
  const sizes = { users: 60, memberships: null };
  expect(areWalksLong(sizes, 1, 1)).toBe(false);
  expect(areWalksLong(sizes, 1, 0)).toBe(true);
  expect(LONG_WALKS_S).toBe(1200);
});
