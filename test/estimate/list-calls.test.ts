import { describe, expect, it } from 'vitest';
import { computeItemsPerPage, countListCalls } from '../../src/estimate/list-calls.ts';
import fc from '../support/fast-check.ts';

const callsOf = (users: number, members: readonly (number | null)[] = [], perPage = 60) =>
  countListCalls({ users, members }, perPage);

const anySizes = fc.record({
  users: fc.integer({ min: 0, max: 50_000_000 }),
  members: fc.array(fc.option(fc.integer({ min: 0, max: 1_000_000 })), { maxLength: 20 }),
});

describe('the calls of a list', () => {
  it.each([
    [0, 1],
    [1, 1],
    [60, 1],
    [61, 2],
    [1200, 20],
  ])('of %i users in one chain are %i', (users, calls) => {
    expect(callsOf(users)).toEqual({ listUsers: calls, listUsersInGroup: 0, longestChain: calls });
  });

  it('of more than 1,200 users include the page before the split, and sixteen last pages', () => {
    expect(callsOf(9600).listUsers).toBe(1 + 16 * 10.5);
  });

  it('of a million users are those of 256 shards', () => {
    const { listUsers, longestChain } = callsOf(1_000_000);
    // Measured: 16,930 (docs/BENCHMARKS.md, "Sizes and estimates").
    expect(Math.abs(listUsers - 16_930) / 16_930).toBeLessThan(0.01);
    expect(longestChain).toBe(2 + 66);
  });

  it('of members are whole pages of each group, with a minimum of one', () => {
    expect(callsOf(0, [0, 1, 60, 61, 6000])).toMatchObject({
      listUsersInGroup: 1 + 1 + 1 + 2 + 100,
      longestChain: 100,
    });
  });

  it('of a group of unknown size are one', () => {
    expect(callsOf(0, [null, null]).listUsersInGroup).toBe(2);
  });

  it('are at least those of full pages, and more if pages hold less', () => {
    fc.assert(
      fc.property(anySizes, fc.double({ min: 1, max: 60, noNaN: true }), (sizes, perPage) => {
        const full = countListCalls(sizes, 60);
        const less = countListCalls(sizes, perPage);
        expect(full.listUsers).toBeGreaterThanOrEqual(Math.ceil(sizes.users / 60));
        expect(less.listUsers).toBeGreaterThanOrEqual(full.listUsers);
        expect(less.listUsersInGroup).toBeGreaterThanOrEqual(full.listUsersInGroup);
      }),
    );
  });
});

describe('the items a page', () => {
  it('are 60 if lists took no more calls than full pages do', () => {
    const sizes = { users: 600, members: [600] };
    expect(computeItemsPerPage(sizes, 20)).toBe(60);
    expect(computeItemsPerPage(sizes, 12)).toBe(60);
  });

  it('reproduce the calls that they were computed from', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2000, max: 1_000_000 }),
        fc.double({ min: 5, max: 60, noNaN: true }),
        (users, perPage) => {
          const sizes = { users, members: [users, 100, 0] };
          const total = (items: number) => {
            const { listUsers, listUsersInGroup } = countListCalls(sizes, items);
            return listUsers + listUsersInGroup;
          };
          const calls = total(perPage);
          expect(Math.abs(total(computeItemsPerPage(sizes, calls)) - calls) / calls).toBeLessThan(
            0.01,
          );
        },
      ),
    );
  });

  it('are at least one, for any number of calls', () => {
    const found = computeItemsPerPage({ users: 10, members: [] }, 1_000_000);
    expect(found).toBeGreaterThanOrEqual(1);
    expect(found).toBeLessThan(1.01);
  });
});
