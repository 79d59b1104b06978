import { describe, expect, it } from 'vitest';
import { measureWidth } from '../../src/cli/display/text-width.ts';
import { startInTerminal } from '../support/terminal.ts';
import { ADMIN, first, mirror, POOL, READER, run, second, useHistory } from './history-mirror.ts';

useHistory();

describe('history', () => {
  it('shows versions and memberships with their periods', async () => {
    const text = await run('history', POOL, 'carol@example.com');
    const lines = text.split('\n').map((line) => line.replaceAll(/\d{4}-\d\d-\d\dT\S+Z/g, 'TIME'));
    expect(lines).toEqual([
      `carol  sub ${mirror.pool.user('carol').attributes.get('sub')}`,
      '  TIME to TIME',
      '    created_at   TIME',
      '    email        carol@example.com',
      '    enabled      true',
      '    modified_at  TIME',
      '    status       CONFIRMED',
      '  TIME to now',
      '    email        carol@example.com → carol@example.org',
      '    modified_at  TIME → TIME',
      '    name         (none) → Carol',
      '  memberships',
      '    TIME to TIME  staff',
      '',
    ]);
  });

  it('shows each person of a name, and finds one by sub', async () => {
    const both = JSON.parse(await run('history', POOL, 'dave', '--json'));
    expect(both.users).toHaveLength(2);
    const sub = mirror.pool.user('dave').attributes.get('sub') as string;
    const { users } = JSON.parse(await run('history', POOL, sub, '--json'));
    expect(users).toMatchObject([
      { username: 'dave', sub, versions: [{ validTo: null }], memberships: [], linked: [] },
    ]);
  });

  it('gives CSV with a row for each field, membership and profile', async () => {
    const rows = (await run('history', POOL, 'ann', '--csv')).split('\r\n');
    expect(rows[0]).toBe('username,sub,valid_from,valid_to,kind,name,value');
    expect(rows.filter((row) => row.includes(',membership,'))).toHaveLength(3);
    expect(rows.filter((row) => row.includes(',field,email,ann@example.com'))).toHaveLength(1);
  });

  it('refuses a user that never existed, without repeating it', async () => {
    const { code, stdout, stderr } = await mirror.run(['history', POOL, 'absent@example.com']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(`USER: no user of ${POOL} ever had this username, sub or e-mail`);
    expect(stderr).not.toContain('absent');
  });
});

describe('access', () => {
  it('shows who is in a group, with the effective role', async () => {
    const { members, ...rest } = JSON.parse(await run('access', POOL, 'admins', '--json'));
    expect(rest).toEqual({
      poolId: POOL,
      snapshot: second,
      group: { groupName: 'admins', roleArn: ADMIN, precedence: 1, description: null },
    });
    expect(members).toMatchObject([
      {
        username: 'ann',
        role: {
          roleArn: null,
          groups: [
            { groupName: 'admins', roleArn: ADMIN },
            { groupName: 'readers', roleArn: READER },
          ],
        },
      },
      { username: 'eve', email: '=1+1', role: { roleArn: ADMIN } },
    ]);
    const text = await run('access', POOL, 'admins');
    expect(text).toMatch(/^ann +\| ann@example\.com .*\| tie: admins, readers$/m);
    expect(text).toMatch(/^eve +\| =1\+1 .*\| Admin$/m);
    expect(text).toContain('(2 members)\n');
  });

  it('shows who was in it', async () => {
    const { members } = JSON.parse(await run('access', POOL, 'staff', '--at', first, '--json'));
    expect(members.map(({ username }: { username: string }) => username)).toEqual([
      'ann',
      'bob',
      'carol',
      'dave',
    ]);
    const csv = (await run('access', POOL, 'admins', '--csv')).split('\r\n');
    expect(csv[0]).toBe('group,username,sub,name,email,status,enabled,member_since,role');
    expect(csv[2]).toMatch(/^admins,eve,[\w-]{36},"Eve, ""the"" new",'=1\+1,CONFIRMED,true,20/);
    expect(await run('access', POOL, 'readers', '--at', 'previous')).toContain('(1 member)\n');
  });

  it('shows the groups and the role of a user', async () => {
    const text = await run('access', POOL, '--user', 'ANN@example.com');
    expect(text).toContain(`${POOL} at ${second}\n\nann  sub `);
    expect(text).toContain(
      'role: none, because these groups tie with different roles: admins, readers\n',
    );
    const { users } = JSON.parse(
      await run('access', POOL, '--user', 'bob', '--at', first, '--json'),
    );
    expect(users).toMatchObject([
      {
        username: 'bob',
        role: { roleArn: READER, groups: [{ groupName: 'staff', roleArn: READER }] },
        groups: [{ groupName: 'staff', precedence: 2, memberSince: expect.any(String) }],
      },
    ]);
    const csv = (await run('access', POOL, '--user', 'ann', '--csv')).split('\r\n');
    expect(csv).toHaveLength(5);
    expect(csv[1]).toMatch(/,admins,1,arn:.*,"tie: admins, readers"$/);
  });

  it('names the columns that do not fit a narrow terminal', async () => {
    for (const args of [['admins'], ['--user', 'ann']]) {
      const terminal = await startInTerminal(['access', POOL, ...args], {
        cwd: mirror.folder,
        env: mirror.env,
        size: [60, 40],
      });
      try {
        await expect.poll(terminal.exitCode).toBe(0);
        expect(terminal.shown()).toMatch(/^Hidden at 60 columns: [\w, ]*member since/m);
        for (const line of terminal.shown().split('\r\n')) {
          expect(measureWidth(line)).toBeLessThanOrEqual(60);
        }
      } finally {
        await terminal.end();
      }
    }
  });

  it.each<[string, string[], RegExp]>([
    ['neither group nor user', [], /access: a group or --user is missing/],
    ['a group and a user', ['staff', '--user', 'ann'], /access: a group and --user were given/],
    ['an unknown group', ['absent'], /GROUP: snapshot \w+ of \S+ has no group with this name/],
    [
      'a user who was not there yet',
      ['--user', 'eve', '--at', 'previous'],
      /USER: the user exists, but not in snapshot/,
    ],
    [
      'a time before the first snapshot',
      ['staff', '--at', '2001-01-01T00:00Z'],
      /begins with its first snapshot/,
    ],
  ])('refuses %s', async (_, args, problem) => {
    const { code, stdout, stderr } = await mirror.run(['access', POOL, ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(problem);
  });
});
