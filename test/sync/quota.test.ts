import { afterEach, describe, expect, it } from 'vitest';
import type { Allowance } from '../../src/config/config.ts';
import type { Operation } from '../../src/quota/quotas.ts';
import { peakOf, TestAccountBuckets, USER_LIST } from '../support/buckets.ts';
import { expectMirrored } from '../support/directory.ts';
import { openTestMirror, type TestMirror } from '../support/mirror.ts';

let mirror: TestMirror;
let buckets: TestAccountBuckets;
afterEach(async () => {
  await buckets.close();
  await mirror.close();
});

/** Opens a mirror with buckets of this allowance. */
async function open(
  allowance: Allowance,
  options: Parameters<typeof openTestMirror>[0],
): Promise<TestMirror> {
  buckets = new TestAccountBuckets(allowance);
  mirror = await openTestMirror(options);
  return mirror;
}

const sync = (poolId?: string) => mirror.sync({ buckets, ...(poolId && { poolId }) });

const peak = (...operations: readonly Operation[]) =>
  peakOf(buckets.releases, mirror.simulator, operations);

describe('a whole run', () => {
  it.each([
    { share: 0.5, userListRps: 50, users: 1_600 },
    { share: 0.8, userListRps: 15, users: 600 },
    { share: 1, userListRps: 7, users: 200 },
  ])('uses at most $share of $userListRps in any second', async ({ share, userListRps, users }) => {
    const { simulator, pool, db } = await open(
      { share, userListRps },
      { users, groups: 8, seed: 61 },
    );
    const { report } = await sync();
    expect(report.state).toBe('archived');
    const most = Math.ceil(share * userListRps) + 1;
    expect(peak(...USER_LIST)).toBeLessThanOrEqual(most);
    // More than one second's worth, or nothing was shown.
    expect(simulator.attempts.count({ bucket: 'UserList' })).toBeGreaterThan(most);
    expect(peak('ListGroups')).toBeLessThanOrEqual(6);
    expect(report.apiCalls).toBe(simulator.attempts.total);
    await expectMirrored(db, pool);
  });

  it('counts retries: throttled and failed attempts pass the bucket too', async () => {
    const faults = { throttle: 0.1, 'internal-error': 0.1, drop: 0.05 };
    const { simulator, pool, db } = await open(
      { share: 0.8, userListRps: 25 },
      { users: 600, groups: 8, seed: 62, faults },
    );
    const { report } = await sync();
    expect(report.state).toBe('archived');
    expect(peak(...USER_LIST)).toBeLessThanOrEqual(21);
    expect(report).toMatchObject({
      apiCalls: simulator.attempts.total,
      throttled: simulator.attempts.count({ outcome: 'throttled' }),
    });
    expect(report.throttled).toBeGreaterThan(0);
    expect(report.retries).toBeGreaterThan(report.throttled);
    await expectMirrored(db, pool);
  });

  it('confirms missing users at a tenth of the quota that sign-ins use', async () => {
    const { simulator, pool } = await open(
      { share: 1, userListRps: 1e6 },
      { users: 100, groups: 2, seed: 63 },
    );
    await sync();
    for (const { username } of [...pool.users()].slice(0, 30)) pool.deleteUser(username);
    const { report } = await sync();
    expect(report).toMatchObject({ state: 'archived', removed: 30 });
    expect(simulator.attempts.count({ operation: 'AdminGetUser' })).toBe(30);
    expect(peak('AdminGetUser')).toBeLessThanOrEqual(13);
  });

  it('is not throttled at the full quota of the service', async () => {
    const { simulator } = await open(
      { share: 1, userListRps: 30 },
      { users: 1_500, groups: 10, seed: 64, rps: 30 },
    );
    const { report } = await sync();
    expect(report).toMatchObject({ state: 'archived', throttled: 0, retries: 0 });
    expect(simulator.attempts.count({ bucket: 'UserList' })).toBeGreaterThan(60);
  });

  it('finishes although others use its quota, and reports how often it was throttled', async () => {
    const { simulator, pool, db } = await open(
      { share: 1, userListRps: 30 },
      { users: 600, groups: 4, seed: 65, rps: 10 },
    );
    const { report } = await sync();
    expect(report.state).toBe('archived');
    expect(report.throttled).toBeGreaterThan(0);
    expect(report.throttled).toBe(simulator.attempts.count({ outcome: 'throttled' }));
    await expectMirrored(db, pool);
  });

  it('shares one quota with another pool of its account and Region', async () => {
    const pools = ['us-east-1_First', 'us-east-1_Second'];
    const { simulator } = await open(
      { share: 0.5, userListRps: 20 },
      { pools, users: 250, groups: 6 },
    );
    for (const poolId of pools) {
      const { report } = await sync(poolId);
      expect(report.state).toBe('archived');
    }
    expect(peak(...USER_LIST)).toBeLessThanOrEqual(11);
    expect(simulator.attempts.count({ bucket: 'UserList' })).toBeGreaterThan(20);
  });
});
