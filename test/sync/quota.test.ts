import { afterEach, describe, expect, it } from 'vitest';
import { type CliMirror, openCliMirror } from '../support/cli-mirror.ts';
import { expectMirrored } from '../support/directory.ts';
import { openTestMirror, type TestMirror } from '../support/mirror.ts';

let mirror: TestMirror | CliMirror;
afterEach(() => mirror.close());

/** Opens a mirror without the proxy, which would add its own delays to when attempts arrive. */
async function open(options: Parameters<typeof openTestMirror>[0]): Promise<TestMirror> {
  const opened = await openTestMirror(options);
  mirror = opened;
  process.env.AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER = opened.simulator.url;
  return opened;
}

describe('a whole run', () => {
  it.each([
    { share: 0.5, userListRps: 50, users: 1_600 },
    { share: 0.8, userListRps: 15, users: 600 },
    { share: 1, userListRps: 7, users: 200 },
  ])('uses at most $share of $userListRps in any second', async ({ share, userListRps, users }) => {
    const opened = await open({ users, groups: 8, seed: 61 });
    const { simulator, pool, db } = opened;
    const { report } = await opened.sync({ share, userListRps });
    expect(report.state).toBe('archived');
    const most = Math.ceil(share * userListRps) + 1;
    expect(simulator.attempts.peak({ bucket: 'UserList' })).toBeLessThanOrEqual(most);
    // More than one second's worth, or nothing was shown.
    expect(simulator.attempts.count({ bucket: 'UserList' })).toBeGreaterThan(most);
    expect(simulator.attempts.peak({ operation: 'ListGroups' })).toBeLessThanOrEqual(6);
    expect(report.apiCalls).toBe(simulator.attempts.total);
    await expectMirrored(db, pool);
  });

  it('counts retries: throttled and failed attempts pass the bucket too', async () => {
    const opened = await open({
      users: 600,
      groups: 8,
      seed: 62,
      faults: { throttle: 0.1, 'internal-error': 0.1, drop: 0.05 },
    });
    const { simulator, pool, db } = opened;
    const { report } = await opened.sync({ share: 0.8, userListRps: 25 });
    expect(report.state).toBe('archived');
    expect(simulator.attempts.peak({ bucket: 'UserList' })).toBeLessThanOrEqual(21);
    expect(report).toMatchObject({
      apiCalls: simulator.attempts.total,
      throttled: simulator.attempts.count({ outcome: 'throttled' }),
    });
    expect(report.throttled).toBeGreaterThan(0);
    expect(report.retries).toBeGreaterThan(report.throttled);
    await expectMirrored(db, pool);
  });

  it('confirms missing users at a tenth of the quota that sign-ins use', async () => {
    const opened = await open({ users: 100, groups: 2, seed: 63 });
    const { simulator, pool } = opened;
    await opened.sync();
    for (const { username } of [...pool.users()].slice(0, 30)) pool.deleteUser(username);
    const { report } = await opened.sync();
    expect(report).toMatchObject({ state: 'archived', removed: 30 });
    expect(simulator.attempts.count({ operation: 'AdminGetUser' })).toBe(30);
    expect(simulator.attempts.peak({ operation: 'AdminGetUser' })).toBeLessThanOrEqual(13);
  });

  it('is not throttled at the full quota of the service', async () => {
    const opened = await open({ users: 1_500, groups: 10, seed: 64, rps: 30 });
    const { simulator } = opened;
    const { report } = await opened.sync({ share: 1, userListRps: 30 });
    expect(report).toMatchObject({ state: 'archived', throttled: 0, retries: 0 });
    expect(simulator.attempts.count({ bucket: 'UserList' })).toBeGreaterThan(60);
  });

  it('finishes although others use its quota, and reports how often it was throttled', async () => {
    const opened = await open({ users: 600, groups: 4, seed: 65, rps: 10 });
    const { simulator, pool, db } = opened;
    const { report } = await opened.sync({ share: 1, userListRps: 30 });
    expect(report.state).toBe('archived');
    expect(report.throttled).toBeGreaterThan(0);
    expect(report.throttled).toBe(simulator.attempts.count({ outcome: 'throttled' }));
    await expectMirrored(db, pool);
  });

  it('shares one quota among the pools of a Region', async () => {
    const opened = await openCliMirror({
      pools: ['us-east-1_First', 'us-east-1_Second'],
      users: 250,
      groups: 6,
    });
    mirror = opened;
    const { code } = await opened.sync(['us-east-1_First', 'us-east-1_Second'], {
      MIRROR_USER_LIST_RPS: '20',
      MIRROR_QUOTA_SHARE: '0.5',
    });
    expect(code).toBe(0);
    expect(opened.simulator.attempts.peak({ bucket: 'UserList' })).toBeLessThanOrEqual(11);
    expect(opened.simulator.attempts.count({ bucket: 'UserList' })).toBeGreaterThan(20);
  });
});
