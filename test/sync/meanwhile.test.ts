import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { expectMirrored } from '../support/directory.ts';
import { openTestMirror, type TestMirror } from '../support/mirror.ts';
import type { ProxiedCall } from '../support/proxy.ts';

let mirror: TestMirror;

beforeEach(async () => {
  mirror = await openTestMirror({ users: 300, groups: 6, seed: 31 });
});
afterEach(() => mirror.close());

/** Does something once, right before the first call that `when` chooses is answered. */
function once(when: (call: ProxiedCall) => boolean, act: () => void): void {
  let done = false;
  mirror.proxy.before = (call) => {
    if (done || !when(call)) return;
    done = true;
    act();
  };
}

const count = async (sql: string) => (await mirror.rows<{ count: number }>(sql))[0]?.count;

describe('while a snapshot is taken', () => {
  it('a user who is added after the listing, in a group, is staged from the page of members', async () => {
    const { pool } = mirror;
    pool.createGroup('zz-last');
    once(
      ({ operation, request }) =>
        operation === 'ListUsersInGroup' && request['GroupName'] === 'zz-last',
      () => {
        pool.createUser({ username: 'late', attributes: { email: 'late@example.com' } });
        pool.addToGroup('late', 'zz-last');
      },
    );
    // The listing of users is over before the last group is read.
    const { report } = await mirror.sync();
    expect(report.state).toBe('archived');
    expect(await mirror.rows(`SELECT email FROM directory.users WHERE username = 'late'`)).toEqual([
      { email: 'late@example.com' },
    ]);
    expect(await count(`SELECT count(*) FROM directory.memberships WHERE username = 'late'`)).toBe(
      1,
    );
  });

  it('the newer of two readings of a user is kept', async () => {
    const { pool } = mirror;
    const [member] = pool.members('everyone');
    const username = member?.username as string;
    let users = 0;
    mirror.proxy.before = ({ operation }) => {
      if (operation === 'ListUsers') users += 1;
      if (operation === 'ListUsersInGroup' && users > 0) {
        pool.updateAttributes(username, { email: 'younger@example.com' });
      }
    };
    await mirror.sync();
    expect(
      await mirror.rows('SELECT email FROM directory.users WHERE username = $1', [username]),
    ).toEqual([{ email: 'younger@example.com' }]);
  });

  it('a deleted group is left out with its memberships', async () => {
    const { pool } = mirror;
    once(
      ({ operation, request }) =>
        operation === 'ListUsersInGroup' && request['GroupName'] === 'everyone',
      () => pool.deleteGroup('everyone'),
    );
    const { report } = await mirror.sync();
    expect(report).toMatchObject({ state: 'archived', groups: 5 });
    expect(
      await count(`SELECT count(*) FROM directory.memberships WHERE group_name = 'everyone'`),
    ).toBe(0);
  });

  it('a deleted user leaves no orphan membership', async () => {
    const { pool } = mirror;
    const [member] = pool.members('everyone');
    once(
      ({ operation }) => operation === 'ListUsers',
      () => pool.deleteUser(member?.username as string),
    );
    const { report } = await mirror.sync();
    expect(report.state).toBe('archived');
    expect(
      await count(`SELECT count(*) FROM directory.memberships AS m WHERE NOT EXISTS (
        SELECT FROM directory.users AS u WHERE u.username = m.username AND u.sub = m.sub)`),
    ).toBe(0);
  });

  it('a deleted pool fails its snapshot', async () => {
    await mirror.sync();
    const pools = mirror.simulator.pools as Map<string, unknown>;
    once(
      ({ operation }) => operation === 'ListUsersInGroup',
      () => pools.clear(),
    );
    const { report, error } = await mirror.sync();
    expect(error?.name).toBe('SnapshotFailedError');
    expect(report).toMatchObject({ state: 'failed', reason: error?.message });
    expect(await count('SELECT count(*) FROM directory.users')).toBe(300);
  });

  it('a stage that a crash of Postgres empties is filled again, and no user counts as removed', async () => {
    await mirror.sync();
    mirror.pool.deleteUser([...mirror.pool.users()][0]?.username as string);
    const emptied = async () => {
      const [row] = await mirror.rows<{ tables: string }>(
        `SELECT string_agg('mirror.' || relname, ', ') AS tables FROM pg_class
         WHERE relname ~ '^stage_[0-9]+_(walks|users|groups|memberships|confirmed)$'`,
      );
      await mirror.rows(`TRUNCATE ${row?.tables}`);
    };
    let done = false;
    mirror.proxy.before = async ({ operation }) => {
      if (done || operation !== 'AdminGetUser') return;
      done = true;
      await emptied();
    };
    const { report, error } = await mirror.sync();
    expect(error?.message).toMatch(/Postgres restarted after a crash/);
    expect(report.state).toBe('walking');
    const resumed = await mirror.sync();
    expect(resumed.report).toMatchObject({
      state: 'archived',
      removed: 1,
      snapshot: report.snapshot,
    });
    await expectMirrored(mirror.db, mirror.pool);
  });

  it('a revoked permission keeps the snapshot for a resume', async () => {
    once(
      ({ operation }) => operation === 'ListUsersInGroup',
      () => mirror.simulator.denied.set('ListUsersInGroup', 'AccessDeniedException'),
    );
    const { report, error } = await mirror.sync();
    expect(error?.message).toContain('cognito-idp:ListUsersInGroup');
    expect(report.state).toBe('walking');
    mirror.simulator.denied.clear();
    const resumed = await mirror.sync();
    expect(resumed.report).toMatchObject({ state: 'archived', snapshot: report.snapshot });
  });
});
