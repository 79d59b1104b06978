import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  CognitoIdentityProviderClient,
  paginateListGroups,
  paginateListUsers,
  paginateListUsersInGroup,
} from '@aws-sdk/client-cognito-identity-provider';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type CliMirror, openCliMirror } from '../support/cli-mirror.ts';
import fc from '../support/fast-check.ts';
import type { ProxiedCall } from '../support/proxy.ts';

const FAULTS = { 'empty-page': 0.1 };

let mirror: CliMirror;
let client: CognitoIdentityProviderClient;
let POOL: string;

beforeAll(async () => {
  // Pages are short or empty at times, as the service's are.
  mirror = await openCliMirror({
    users: 300,
    groups: 70,
    pageFill: 0.7,
    faults: FAULTS,
  });
  POOL = mirror.poolId;
  client = new CognitoIdentityProviderClient({
    region: 'us-east-1',
    endpoint: mirror.simulator.url,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
});
afterAll(async () => {
  client.destroy();
  await mirror.close();
});
afterEach(() => {
  mirror.proxy.before = () => {};
});

async function setFaults(faults: object): Promise<void> {
  const body = JSON.stringify(faults);
  await fetch(`${mirror.simulator.url}/_simulator/faults`, { method: 'POST', body });
}

/** Runs `list`, and gives the items it printed and the token it named, if any. */
async function list(...args: string[]) {
  const { code, stdout, stderr } = await mirror.run(['list', ...args]);
  expect(code).toBe(0);
  const token = /^Next token: (\S+)\n$/.exec(stderr)?.[1] ?? null;
  if (token === null) expect(stderr).toBe('');
  return { items: itemsOf(stdout), token };
}

const itemsOf = (stdout: string) =>
  stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** The service's own listing by the SDK's paginator, as the JSON values it is. */
async function listed<T>(
  pages: AsyncIterable<T>,
  items: (page: T) => unknown[] | undefined,
): Promise<unknown[]> {
  const all: unknown[] = [];
  for await (const page of pages) all.push(...(items(page) ?? []));
  return JSON.parse(JSON.stringify(all));
}

function noteCalls(): ProxiedCall[] {
  const calls: ProxiedCall[] = [];
  mirror.proxy.before = (call) => {
    calls.push(call);
  };
  return calls;
}

describe('list', () => {
  it("streams the service's own users, groups and members, all of them", async () => {
    const users = await list('users', POOL);
    expect(users).toEqual({
      items: await listed(paginateListUsers({ client }, { UserPoolId: POOL }), (p) => p.Users),
      token: null,
    });
    expect(users.items).toHaveLength(300);
    const groups = await list('groups', POOL);
    expect(groups).toEqual({
      items: await listed(paginateListGroups({ client }, { UserPoolId: POOL }), (p) => p.Groups),
      token: null,
    });
    expect(groups.items).toHaveLength(70);
    const GroupName = 'everyone';
    const members = await list('members', POOL, GroupName);
    expect(members).toEqual({
      items: await listed(
        paginateListUsersInGroup({ client }, { UserPoolId: POOL, GroupName }),
        (p) => p.Users,
      ),
      token: null,
    });
    expect(members.items).toHaveLength(mirror.pool.memberCount(GroupName));
  });

  it('needs no database and makes no folder', async () => {
    const none = { DATABASE_URL: undefined, ARCHIVE_URL: undefined };
    expect((await mirror.run(['list', 'groups', POOL], none)).code).toBe(0);
    expect(existsSync(join(mirror.folder, '.cognito-mirror'))).toBe(false);
    expect(existsSync(mirror.archive)).toBe(false);
  });

  it('passes --filter on', async () => {
    const [user] = [...mirror.pool.users()].filter(({ attributes }) => attributes.has('email'));
    const email = user?.attributes.get('email');
    const { items } = await list('users', POOL, '--filter', `email = "${email}"`);
    expect(items.map((item) => item['Username'])).toContain(user?.username);
    expect(items.length).toBeLessThan(10);
  });

  it('passes --attributes on, and gives those alone', async () => {
    const { items } = await list('users', POOL, '--attributes', 'sub', '--max-items', '5');
    expect(items).toHaveLength(5);
    for (const { Attributes } of items) {
      expect(Attributes).toEqual([{ Name: 'sub', Value: expect.any(String) }]);
    }
  });

  it('asks for pages of --page-size, and for no more than is still wanted', async () => {
    const calls = noteCalls();
    await list('users', POOL, '--page-size', '25', '--max-items', '60');
    const limits = calls.map(({ request }) => request['Limit'] as number);
    expect(limits[0]).toBe(25);
    expect(Math.max(...limits)).toBe(25);
    expect(limits.at(-1)).toBeLessThan(25);
    calls.length = 0;
    await list('groups', POOL, '--page-size', '0');
    expect(calls.map(({ request }) => request['Limit'])).toContain(0);
  });

  it('lists none if --max-items is 0, and sends no call', async () => {
    const calls = noteCalls();
    expect(await list('users', POOL, '--max-items', '0')).toEqual({ items: [], token: null });
    expect(calls).toEqual([]);
  });

  it.each(['users', 'groups', 'members'])(
    'of %s resumes at its token exactly where it stopped: the pieces make up the whole',
    async (what) => {
      const args = [what, POOL, ...(what === 'members' ? ['everyone'] : [])];
      const whole = await list(...args);
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.integer({ min: 1, max: 90 }), { maxLength: 2 }),
          fc.integer({ min: 5, max: 60 }),
          async (sizes, pageSize) => {
            const pieces: unknown[] = [];
            let token: string | null = null;
            const next = async (...more: string[]) => {
              const from = token === null ? [] : ['--starting-token', token];
              const piece = await list(...args, '--page-size', String(pageSize), ...from, ...more);
              pieces.push(...piece.items);
              token = piece.token;
              return piece.items.length;
            };
            for (const size of sizes) {
              if (pieces.length > 0 && token === null) break;
              const count = await next('--max-items', String(size));
              // It stops early at what was asked for, or late at the end.
              if (token !== null) expect(count).toBe(size);
            }
            if (pieces.length === 0 || token !== null) await next();
            expect(token).toBeNull();
            expect(pieces).toEqual(whole.items);
          },
        ),
        { numRuns: 3 },
      );
    },
  );

  it('stops at a signal with exit code 130, and names the token that goes on', async () => {
    let calls = 0;
    let reached = false;
    mirror.proxy.before = () => {
      if (++calls < 3) return;
      reached = true;
      return new Promise(() => {});
    };
    const { child, result } = await mirror.start(['list', 'users', POOL]);
    await expect.poll(() => reached).toBe(true);
    child.kill('SIGINT');
    const { code, stdout, stderr } = await result;
    expect(code).toBe(130);
    const token = /^Next token: (\S+)$/m.exec(stderr)?.[1] as string;
    mirror.proxy.before = () => {};
    const rest = await list('users', POOL, '--starting-token', token);
    const whole = await list('users', POOL);
    expect([...itemsOf(stdout), ...rest.items]).toEqual(whole.items);
  });

  it('ends quietly when its reader has had enough', async () => {
    const { child, output, result } = await mirror.start(['list', 'users', POOL]);
    mirror.proxy.before = () => new Promise((resolve) => setTimeout(resolve, 20));
    await expect.poll(() => output.stdout).not.toBe('');
    child.stdout.destroy();
    const { code, stderr } = await result;
    expect(code).toBe(0);
    expect(stderr).toMatch(/^(Next token: \S+\n)?$/);
  });

  it.each([
    [['users'], /missing required argument 'pool'/],
    [
      ['people', 'us-east-1_A'],
      /WHAT: "people" is not a listing\. Give users, groups or members\./,
    ],
    [['users', 'non/sense'], /POOL: "non\/sense" is not a pool id\. Give an id such as/],
    [['members', 'us-east-1_A'], /GROUP: is missing\. Name the group: list members POOL GROUP\./],
    [['users', 'us-east-1_A', 'everyone'], /GROUP: only the listing of members takes a group/],
    [['groups', 'us-east-1_A', '--filter', 'email = "x"'], /--filter: only the listing of users/],
    [['users', 'us-east-1_A', '--page-size', '61'], /--page-size: .* from 0 to 60/],
    [['users', 'us-east-1_A', '--page-size', 'many'], /--page-size: /],
    [['users', 'us-east-1_A', '--max-items', '-1'], /--max-items: |argument missing/],
    [['users', 'us-east-1_A', '--what'], /unknown option '--what'/],
  ])('refuses %j with exit code 2, before any call', async (args, message) => {
    const calls = noteCalls();
    const { code, stdout, stderr } = await mirror.run(['list', ...args]);
    expect({ code, stdout, calls }).toEqual({ code: 2, stdout: '', calls: [] });
    expect(stderr).toMatch(message);
  });

  it('lists everything that is wrong in one go', async () => {
    const { code, stderr } = await mirror.run([
      ...['list', 'people', 'nonsense', 'group', '--attributes', 'sub', '--page-size', '99'],
    ]);
    expect(code).toBe(2);
    const subjects = stderr.split('\n').map((line) => line.split(': ')[1]);
    expect(subjects.slice(0, -1).sort()).toEqual(['--attributes', '--page-size', 'GROUP', 'WHAT']);
  });

  it.each([
    [['users', 'us-east-1_Gone'], /us-east-1_Gone: the pool does not exist in us-east-1/],
    [['members', 'us-east-1_Simulated', 'no-such-group'], /the pool or the group does not exist/],
    [['users', 'us-east-1_Simulated', '--filter', 'custom:a = "x"'], /refused a parameter/],
    [['users', 'us-east-1_Simulated', '--attributes', 'nickname'], /List no attributes/],
    [['users', 'us-east-1_Simulated', '--starting-token', 'x'], /--starting-token: the service/],
  ])('reports what the service refuses of %j, with exit code 2', async (args, message) => {
    const { code, stdout, stderr } = await mirror.run(['list', ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
  });

  it('reports attributes that a user on a later page lacks', async () => {
    await setFaults({ 'empty-page': 1 });
    const { code, stderr } = await mirror.run(['list', 'users', POOL, '--attributes', 'nickname']);
    await setFaults(FAULTS);
    expect(code).toBe(2);
    expect(stderr).toMatch(/List no attributes/);
    expect(stderr).not.toMatch(/page token/);
  });
});
