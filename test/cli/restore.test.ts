import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SimulatedPool } from '../../src/simulator/pool.ts';
import { type CliMirror, openCliMirror } from '../support/cli-mirror.ts';

const POOL = 'us-east-1_Source';
const TARGET = 'us-east-1_Target';
const TRIGGERED = 'us-east-1_Triggered';
const DENIED = 'us-east-1_Denied';

/** The database is not the one of the mirror, and nothing answers there. */
const NO_DATABASE = { DATABASE_URL: 'postgres://127.0.0.1:1/none' };

let mirror: CliMirror;
let manifest: string;
let snapshot: string;
beforeAll(async () => {
  mirror = await openCliMirror({
    pools: [
      { id: POOL, users: 40, groups: 3 },
      { id: TARGET, users: 0, groups: 0 },
      { id: DENIED, users: 0, groups: 0 },
      {
        id: TRIGGERED,
        users: 0,
        groups: 0,
        settings: { triggers: { PreSignUp: 'arn:aws:lambda:us-east-1:1:function:sign-up' } },
      },
    ],
  });
  const { code, reports } = await mirror.sync([POOL]);
  expect(code).toBe(0);
  snapshot = reports[0]?.snapshot ?? '';
  manifest = join(mirror.archive, reports[0]?.archive?.manifest ?? '');
});
afterAll(() => mirror.close());

const restore = (args: readonly string[], change: Record<string, string> = {}) =>
  mirror.run(['restore', '--from', `${POOL}/latest`, '--to', TARGET, ...args], {
    MIRROR_WRITE_QUOTAS:
      'UserCreation=10000,UserAccountRecovery=10000,UserUpdate=10000,UserResourceUpdate=10000',
    ...change,
  });

const target = (): SimulatedPool => mirror.simulator.pool(TARGET);
const comesBack = () =>
  [...mirror.simulator.pool(POOL).users()].filter(
    ({ status }) => status !== 'EXTERNAL_PROVIDER' && status !== 'UNCONFIRMED',
  );

describe('restore', () => {
  test('--dry-run shows the plan by count, and by name on request, and writes nothing', async () => {
    const { code, stdout } = await restore(['--dry-run']);
    expect(code).toBe(0);
    const users = comesBack().length;
    expect(stdout).toContain(`${POOL}/${snapshot} → ${TARGET}`);
    expect(stdout).toMatch(new RegExp(`^users +\\| +${users} \\|`, 'm'));
    expect(stdout).toMatch(/AdminCreateUser: \d+:\d\d at 5000\/s \(UserCreation\)/);
    expect(stdout).toMatch(/^ {2}sub +\d+ users: the service gives each user a new sub/m);
    expect(stdout).toMatch(/\nNothing was written\.\n$/);
    const [first] = comesBack();
    expect(stdout).not.toContain(first?.username);
    const named = await restore(['--dry-run', '--names', '--password', 'temporary']);
    expect(named.stdout).toContain('temporary password, which expires after 7 days');
    for (const { username } of comesBack()) expect(named.stdout).toContain(username);
    expect(named.stdout).toMatch(/^create user +\S+: .*email.*password/m);
    expect(target().userCount).toBe(0);
  });

  test('--json prints one document, with names on request', async () => {
    const { stdout } = await restore(['--dry-run', '--names', '--json']);
    const document = JSON.parse(stdout);
    expect(document.result).toBeNull();
    expect(document.plan.source).toMatchObject({ poolId: POOL, snapshot, archive: null });
    expect(document.tasks).toHaveLength(
      Object.values(document.plan.counts as Record<string, { create: number }>).reduce(
        (sum, { create }) => sum + create,
        0,
      ),
    );
    expect(document.notRestored.every((each: { reason: string }) => each.reason)).toBe(true);
  });

  test('from a manifest needs no database; run again, nothing is left to do', async () => {
    const options = ['restore', '--from', manifest, '--to', TARGET, '--share', '1'];
    const { code, stdout, stderr } = await mirror.run(options, NO_DATABASE);
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    expect([...target().users()].map(({ username }) => username).sort()).toEqual(
      comesBack()
        .map(({ username }) => username)
        .sort(),
    );
    const [, report = ''] = /^ {2}report +(.*)$/m.exec(stdout) ?? [];
    expect((await stat(report)).mode & 0o777).toBe(0o600);
    const subs = await readFile(join(report, '../sub-map.csv'), 'utf8');
    expect(subs.trimEnd().split('\r\n')).toHaveLength(1 + comesBack().length);
    expect(stdout).toContain(`sync ${TARGET}`);
    mirror.simulator.attempts.clear();
    const again = await restore(['--json']);
    expect(JSON.parse(again.stdout).result).toMatchObject({ outcome: 'done' });
    const sent = mirror.simulator.attempts.entries().map(({ operation }) => operation);
    expect(sent.filter((operation) => !/^(List|Describe)/.test(operation))).toEqual([]);
  });

  test('lists what fails, goes on, and ends with 1', async () => {
    const to = mirror.simulator.pool(TRIGGERED);
    const [person] = comesBack();
    to.refusals.set('PreSignUp', `the function refuses ${person?.username}`);
    const { code, stdout, stderr } = await restore(['--to', TRIGGERED, '--accept-triggers']);
    expect(code).toBe(1);
    // Names are in its files, and in what `--names` prints.
    for (const { username, attributes } of mirror.simulator.pool(POOL).users()) {
      expect(stdout + stderr).not.toContain(username);
      expect(stdout + stderr).not.toContain(attributes.get('email') ?? username);
    }
    expect(stdout).toMatch(/^ {2}users +0 written, \d+ failed$/m);
    expect(stdout).toMatch(/^ {2}failed +\d+ by trigger-refused$/m);
    expect(to.groupCount).toBeGreaterThan(0);
    to.refusals.clear();
    expect((await restore(['--to', TRIGGERED, '--accept-triggers'])).code).toBe(0);
  });

  test('writes nothing and ends with 1 if its plan cannot be printed to the end', async () => {
    const args = ['restore', '--from', `${POOL}/latest`, '--to', DENIED, '--names'];
    const closed = '{ "$@"; echo $? > code; } | true; exit $(cat code)';
    const { code, stderr } = await mirror.run(args, {}, closed);
    expect(stderr).toMatch(/The plan could not be printed to its end: nothing was written/);
    expect(code).toBe(1);
    expect(mirror.simulator.pool(DENIED).groupCount).toBe(0);
    expect((await mirror.run([...args, '--dry-run'], {}, closed)).code).toBe(0);
  });

  test('stops at a missing right: with 1 after something was written, with 2 before', async () => {
    const { denied } = mirror.simulator;
    const to = mirror.simulator.pool(DENIED);
    denied.set('CreateGroup', 'AccessDeniedException');
    const before = await restore(['--to', DENIED]);
    expect(before.code).toBe(2);
    expect(to.groupCount).toBe(0);
    denied.clear();
    denied.set('AdminSetUserPassword', 'AccessDeniedException');
    const between = await restore(['--to', DENIED, '--only', 'users', '--json']);
    expect(between.code).toBe(1);
    expect(to.userCount).toBeGreaterThan(0);
    expect(Object.keys(JSON.parse(between.stdout))).toEqual(['plan']);
    denied.clear();
    denied.set('AdminAddUserToGroup', 'AccessDeniedException');
    const after = await restore(['--to', DENIED]);
    expect(after.code).toBe(1);
    expect(after.stderr).toMatch(/may not call AdminAddUserToGroup/);
    expect(to.userCount).toBe(comesBack().length);
    denied.clear();
    expect((await restore(['--to', DENIED])).code).toBe(0);
  });

  test.each<[string, readonly string[], RegExp]>([
    [
      'a pool whose triggers would run',
      ['--to', TRIGGERED, '--user', 'x'],
      /--user: .* no such user/,
    ],
    ['a target that is not there', ['--to', 'us-east-1_Nowhere'], /does not exist in us-east-1/],
    ['a source that is none', ['--from', 'nothing'], /--from: is neither POOL\/SNAPSHOT/],
    ['a wrong kind', ['--only', 'everything'], /Give some of groups, users, memberships/],
    ['a wrong share', ['--share', '1.5'], /Give a number over 0, up to 1/],
    ['a format without a file', ['--format', 'import-csv'], /--format import-csv and --out FILE/],
    [
      'a file of users with what it has no place for',
      ['--format', 'import-csv', '--out', 'users.csv', '--only', 'groups'],
      /--format .* cannot be used with option '--only/,
    ],
  ])('refuses %s with 2', async (_, args, message) => {
    const { code, stdout, stderr } = await restore(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
  });

  test('refuses triggers that would run with 2, after it has shown the plan', async () => {
    mirror.simulator.pool(POOL);
    const to = mirror.simulator.pool(TRIGGERED);
    for (const { username } of [...to.users()]) to.deleteUser(username);
    mirror.simulator.attempts.clear();
    const { code, stdout, stderr } = await restore(['--to', TRIGGERED]);
    expect(code).toBe(2);
    expect(stdout).toMatch(/^ {2}triggers +PreSignUp will run$/m);
    expect(stderr).toMatch(/PreSignUp trigger would run .* --accept-triggers/);
    expect(mirror.simulator.attempts.count({ operation: 'AdminCreateUser' })).toBe(0);
  });

  test('--format import-csv writes the file of an import job, and says what that loses', async () => {
    const { code, stdout } = await restore(['--format', 'import-csv', '--out', 'users.csv']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\d+ users? in the file\. They come back as RESET_REQUIRED/);
    expect(stdout).toContain('memberships are lost');
    const path = join(mirror.folder, 'users.csv');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const [header = '', ...lines] = (await readFile(path, 'utf8')).trimEnd().split('\n');
    expect(header.split(',')).toContain('cognito:username');
    expect(lines).toHaveLength(Number.parseInt(stdout, 10));
    const again = await restore(['--format', 'import-csv', '--out', 'users.csv']);
    expect(again.code).toBe(2);
    expect(again.stderr).toContain('--out: users.csv exists');
  });
});
