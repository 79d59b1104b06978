import { describe, expect, it } from 'vitest';
import type { ArchiveFormat } from '../../src/config/config.ts';
import { estimate, type KnownOfPool } from '../../src/estimate/estimate.ts';
import type { Dataset } from '../../src/model/snapshot.ts';
import type { LastSnapshot } from '../../src/postgres/store/last-snapshot.ts';

const FIRST: KnownOfPool = {
  estimatedUsers: 100_000,
  groups: { names: [], calls: 1, seconds: 0.1 },
  last: null,
  archive: null,
  formats: ['parquet', 'jsonl'],
  callsASecond: 24,
  mfa: null,
  answerSeconds: 0.1,
};

const LAST: LastSnapshot = {
  snapshot: '20261120T020000Z',
  users: 1000,
  members: new Map([
    ['everyone', 1000],
    ['few', 10],
  ]),
  changes: { users: 20, groups: 1, memberships: 30 },
  removed: 0,
  // DescribeUserPool, ListGroups, and full pages: 17 of users, 17 and 1 of members.
  calls: 2 + 17 + 18,
};

const LATER: KnownOfPool = {
  ...FIRST,
  estimatedUsers: 1000,
  groups: { names: ['everyone', 'few'], calls: 1, seconds: 0.1 },
  last: LAST,
};

const part = (format: ArchiveFormat, dataset: Dataset, rows: number, bytes: number) => ({
  key: '',
  sha256: '',
  ...{ format, dataset, rows, bytes },
});

describe('the estimate', () => {
  it('of a first snapshot without groups knows everything but the exact users', () => {
    expect(estimate(FIRST)).toMatchObject({
      lastSnapshot: null,
      users: 100_000,
      memberships: 0,
      unknownGroups: 0,
      itemsAPage: 60,
      changedRows: 100_000,
      databaseBytes: 94_000_000,
      archive: { bytes: 23_900_000, manifest: null },
    });
  });

  it('counts the calls for MFA states up to the budget, and their time', () => {
    const mfa = { budget: 1_200, callsASecond: 12 };
    const [without, of] = [FIRST, { ...FIRST, mfa }].map(estimate);
    expect(of?.calls).toEqual({
      ...without?.calls,
      adminGetUser: 1_200,
      total: (without?.calls.total ?? 0) + 1_200,
    });
    expect(of?.seconds).toMatchObject({ mfa: 100 });
    expect(of?.seconds.total).toBeCloseTo((without?.seconds.total ?? 0) + 100);
    expect(estimate({ ...FIRST, estimatedUsers: 7, mfa }).calls.adminGetUser).toBe(7);
  });

  it('of a first snapshot with groups counts no memberships, and reports how many groups are unknown', () => {
    const groups = { names: ['a', 'b'], calls: 1, seconds: 0.1 };
    const { memberships, unknownGroups, calls } = estimate({ ...FIRST, groups });
    expect({ memberships, unknownGroups }).toEqual({ memberships: null, unknownGroups: 2 });
    expect(calls.listUsersInGroup).toBe(2);
    expect(calls.total).toBe(1 + 1 + calls.listUsers + 2);
  });

  it('of a later snapshot uses the last one', () => {
    expect(estimate(LATER)).toMatchObject({
      lastSnapshot: LAST.snapshot,
      users: 1000,
      groups: 2,
      memberships: 1010,
      calls: { listUsers: 17, listUsersInGroup: 18, total: LAST.calls },
      changedRows: 51,
    });
  });

  it('uses the larger of the estimate and the last snapshot, and counts the gain as new', () => {
    expect(estimate({ ...LATER, estimatedUsers: 500 })).toMatchObject({
      users: 1000,
      estimatedUsers: 500,
      changedRows: 51,
    });
    expect(estimate({ ...LATER, estimatedUsers: 1500 })).toMatchObject({
      users: 1500,
      changedRows: 531,
    });
  });

  it('leaves out deleted groups, and counts a new one as one call', () => {
    const groups = { names: ['few', 'new'], calls: 1, seconds: 0.1 };
    expect(estimate({ ...LATER, groups })).toMatchObject({
      groups: 2,
      memberships: 10,
      unknownGroups: 1,
      calls: { listUsersInGroup: 2 },
    });
  });

  it('does not know the changes if the last snapshot was the first', () => {
    expect(estimate({ ...LATER, last: { ...LAST, changes: null } })).toMatchObject({
      changedRows: null,
      databaseBytes: null,
    });
  });

  it('computes the page size from the calls of the last snapshot, without those that confirmed users', () => {
    const calls = 2 + 2 * 17 + 18 + 17;
    const half = estimate({ ...LATER, last: { ...LAST, calls } });
    expect(half.itemsAPage).toBeGreaterThan(28);
    expect(half.itemsAPage).toBeLessThan(32);
    expect(Math.abs(half.calls.total - calls)).toBeLessThanOrEqual(2);
    const last = { ...LAST, removed: 40, calls: LAST.calls + 40 };
    expect(estimate({ ...LATER, last })).toMatchObject({ itemsAPage: 60 });
  });

  it('adds publishing and archiving to the longer of quota and longest chain', () => {
    const quick = estimate(FIRST);
    expect(quick.seconds.quota).toBeCloseTo(quick.calls.listUsers / 24, 2);
    expect(quick.seconds.quota).toBeGreaterThan(quick.seconds.chain);
    const slow = estimate({ ...LATER, answerSeconds: 2 });
    expect(slow.longestChain).toBe(17);
    expect(slow.seconds.chain).toBeCloseTo(0.1 + 17 * 2, 2);
    expect(slow.seconds.chain).toBeGreaterThan(slow.seconds.quota);
    for (const { seconds } of [quick, slow]) {
      const { quota, chain, publish, archive, total } = seconds;
      expect(total).toBeCloseTo(Math.max(quota, chain) + publish + archive, 2);
    }
  });

  it('computes the archive from the bytes per row of the last one, in the configured formats', () => {
    const archive = {
      key: 'manifests/pool_id=us-east-1_A/20261120T020000Z.json',
      objects: [
        part('parquet', 'users', 500, 50_000),
        part('parquet', 'users', 500, 30_000),
        part('parquet', 'groups', 0, 900),
        part('parquet', 'memberships', 1010, 10_100),
        part('jsonl', 'users', 1000, 1),
      ],
    };
    const estimated = estimate({ ...LATER, archive, formats: ['parquet'] });
    // It has no row of a group, so it uses 30 bytes each, as measured elsewhere.
    expect(estimated.archive).toEqual({
      formats: ['parquet'],
      bytes: 80_000 + 10_100 + 2 * 30,
      manifest: archive.key,
    });
  });
});
