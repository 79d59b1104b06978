import { afterEach, describe, expect, it } from 'vitest';
import { ActionRequiredError } from '../../src/model/errors.ts';
import { startSimulator } from '../../src/simulator/server.ts';
import { expectMirrored } from '../support/directory.ts';
import { openTestMirror, type TestMirror } from '../support/mirror.ts';

let mirror: TestMirror;
afterEach(() => mirror.close());

const usernames = async () =>
  (await mirror.rows<{ username: string }>('SELECT username FROM directory.users')).map(
    ({ username }) => username,
  );

const REFUSED = { __type: 'InvalidParameterException', message: "Value at 'username' failed" };

describe('a removed user whose name AdminGetUser refuses', () => {
  it('is looked up by sub and removed', async () => {
    mirror = await openTestMirror({ users: 50, groups: 2 });
    await mirror.sync();
    const [gone = ''] = await usernames();
    mirror.pool.deleteUser(gone);
    const asked: unknown[] = [];
    mirror.proxy.before = ({ operation, request }) => {
      if (operation === 'ListUsers') asked.push(request['Filter']);
      return operation === 'AdminGetUser' ? REFUSED : undefined;
    };
    const { report } = await mirror.sync();
    expect(report).toMatchObject({ state: 'archived', removed: 1 });
    expect(asked).toContainEqual(expect.stringMatching(/^sub = "[0-9a-f-]{36}"$/));
    await expectMirrored(mirror.db, mirror.pool);
  });

  it('keeps the row if the service refuses the sub too', async () => {
    mirror = await openTestMirror({ users: 50, groups: 2 });
    await mirror.sync();
    const [gone = ''] = await usernames();
    mirror.pool.deleteUser(gone);
    mirror.proxy.before = ({ operation, request }) => {
      const isRefused =
        operation === 'AdminGetUser' || String(request['Filter']).startsWith('sub =');
      return isRefused ? REFUSED : undefined;
    };
    const { report } = await mirror.sync();
    expect(report).toMatchObject({ state: 'archived', removed: 0, users: 50 });
    expect(await usernames()).toContain(gone);
    mirror.proxy.before = () => undefined;
    expect((await mirror.sync()).report).toMatchObject({ removed: 1 });
  });
});

describe('a pool', () => {
  it('of another account is refused before a user is read, and the mirror stays', async () => {
    mirror = await openTestMirror({ users: 50, groups: 2 });
    await mirror.sync();
    const other = await startSimulator({ users: 3, rps: 0, account: '100000000000' });
    const service = process.env['AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER'];
    process.env['AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER'] = other.url;
    try {
      const { error, report } = await mirror.sync();
      expect(error).toBeInstanceOf(ActionRequiredError);
      expect(error?.message).toMatch(
        /in account 123456789012, .* in account 100000000000: it is another pool/,
      );
      expect(report).toMatchObject({ snapshot: null });
      expect(other.attempts.count({ bucket: 'UserList' })).toBe(0);
      expect(await usernames()).toHaveLength(50);
      // The way out that the message names.
      const [statement = ''] =
        /UPDATE directory\.pools .*'(?=\.$)/.exec(error?.message ?? '') ?? [];
      await mirror.db.query(statement);
      expect((await mirror.sync()).report).toMatchObject({ state: 'archived', users: 3 });
    } finally {
      process.env['AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER'] = service;
      await other.close();
    }
  });

  it('is read in the Region that is set for it', async () => {
    mirror = await openTestMirror({ users: 5, pools: ['eu-west-1_Replicated'] });
    const poolId = 'eu-west-1_Replicated';
    const { error } = await mirror.sync({ poolId, region: 'us-east-2' });
    // The simulator has a pool in the Region of its id alone.
    expect(error?.message).toContain('the pool does not exist in us-east-2');
    expect((await mirror.sync({ poolId })).report.state).toBe('archived');
  });
});

describe('a group whose members the service does not find', () => {
  const MISSING = { __type: 'ResourceNotFoundException', message: 'Group not found.' };
  let times: number;
  const refuse = (group: string) => {
    mirror.proxy.before = ({ operation, request }) => {
      if (operation !== 'ListUsersInGroup' || request['GroupName'] !== group) return undefined;
      times -= 1;
      return times >= 0 ? MISSING : undefined;
    };
  };

  it('once, although it is listed, is read again, and no history shows a removal', async () => {
    mirror = await openTestMirror({ users: 60, groups: 3 });
    await mirror.sync();
    times = 1;
    refuse('everyone');
    expect((await mirror.sync()).report).toMatchObject({ state: 'archived' });
    expect(times).toBeLessThan(0);
    await expectMirrored(mirror.db, mirror.pool);
    expect(await mirror.rows('SELECT FROM directory.group_history')).toEqual([]);
    expect(await mirror.rows('SELECT FROM directory.membership_history')).toEqual([]);
  });

  it('is left out if it is no longer listed', async () => {
    mirror = await openTestMirror({ users: 60, groups: 3 });
    await mirror.sync();
    let done = false;
    mirror.proxy.before = ({ operation, request }) => {
      if (done || operation !== 'ListUsersInGroup' || request['GroupName'] !== 'everyone') return;
      done = true;
      mirror.pool.deleteGroup('everyone');
    };
    expect((await mirror.sync()).report).toMatchObject({ state: 'archived', groups: 2 });
    await expectMirrored(mirror.db, mirror.pool);
  });

  it('each time, although it is listed, holds the snapshot', async () => {
    mirror = await openTestMirror({ users: 60, groups: 3 });
    await mirror.sync();
    times = Number.POSITIVE_INFINITY;
    refuse('everyone');
    const { report } = await mirror.sync();
    expect(report.state).toBe('held');
    expect(report.reason).toMatch(
      /lists 1 groups that ListUsersInGroup did not find in 5 attempts/,
    );
    expect(
      await mirror.rows("SELECT FROM directory.groups WHERE group_name = 'everyone'"),
    ).toHaveLength(1);
  });
});
