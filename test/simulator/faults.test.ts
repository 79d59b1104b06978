import {
  AdminCreateUserCommand,
  ListGroupsCommand,
  ListUsersCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { expect, test } from 'vitest';
import type { FaultName } from '../../src/simulator/faults.ts';
import { type clientOf, failure, groupsOf, listAll, membersOf, POOL, simulate } from './support.ts';

const listUsers = () => new ListUsersCommand({ UserPoolId: POOL, Limit: 1 });

/** The names of the errors of calls, or 'ok'. */
async function outcomes(client: ReturnType<typeof clientOf>, count: number): Promise<string[]> {
  const names: string[] = [];
  for (let turn = 0; turn < count; turn += 1) {
    names.push(
      await client.send(listUsers()).then(
        () => 'ok',
        (error: Error) => error.name,
      ),
    );
  }
  return names;
}

test.each([
  ['throttle', 'TooManyRequestsException', 400, 'throttled'],
  ['internal-error', 'InternalErrorException', 500, 'error'],
  ['deny', 'NotAuthorizedException', 400, 'error'],
] as const)(
  '%s answers %s, and the log says that it was injected',
  async (fault, name, status, outcome) => {
    const { simulator, client } = await simulate({ faults: { [fault]: 1 } });
    const error = await failure(client.send(listUsers()));
    expect(error).toMatchObject({ name, $metadata: { httpStatusCode: status } });
    expect(simulator.attempts.entries()).toMatchObject([
      { operation: 'ListUsers', outcome, error: name, injected: true },
    ]);
  },
);

test('a fault occurs at its rate, repeatably for a seed', async () => {
  const run = async (seed: number) => {
    const { client } = await simulate({ seed, users: 5, faults: { throttle: 0.3 } });
    return outcomes(client, 300);
  };
  const [first, again, other] = [await run(1), await run(1), await run(2)];
  expect(first).toEqual(again);
  expect(first).not.toEqual(other);
  const struck = first.filter((name) => name === 'TooManyRequestsException').length;
  expect(struck).toBeGreaterThan(60);
  expect(struck).toBeLessThan(120);
});

test('a fault can be limited to some operations', async () => {
  const { client } = await simulate({
    faults: { 'internal-error': { rate: 1, operations: ['ListUsers'] } },
  });
  expect((await failure(client.send(listUsers()))).name).toBe('InternalErrorException');
  expect((await client.send(new ListGroupsCommand({ UserPoolId: POOL }))).Groups).toHaveLength(12);
});

test('drop cuts the connection before or during the response', async () => {
  const { simulator } = await simulate({ users: 600, faults: { drop: 1 } });
  const init = {
    method: 'POST',
    headers: {
      'X-Amz-Target': 'AWSCognitoIdentityProviderService.ListUsers',
      Authorization: 'AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/cognito-idp/aws4_request',
    },
    body: JSON.stringify({ UserPoolId: POOL }),
  };
  const cuts = { before: 0, within: 0 };
  for (let turn = 0; turn < 20; turn += 1) {
    const response = await fetch(simulator.url, init).catch(() => undefined);
    cuts[response === undefined ? 'before' : 'within'] += 1;
    if (response !== undefined) await expect(response.text()).rejects.toThrow();
  }
  expect(cuts.before).toBeGreaterThan(2);
  expect(cuts.within).toBeGreaterThan(2);
  expect(simulator.attempts.count({ outcome: 'dropped' })).toBe(20);
});

test('an SDK reports a dropped connection as a network error', async () => {
  const { client } = await simulate({ faults: { drop: 1 } });
  for (let turn = 0; turn < 6; turn += 1) {
    const error = await failure(client.send(listUsers()));
    expect(error.name).not.toMatch(/Exception$/);
  }
});

test('slow delays responses', async () => {
  const { simulator, client } = await simulate({ faults: { slow: 1 }, slowMs: 300 });
  const start = performance.now();
  await client.send(listUsers());
  const slow = performance.now() - start;
  expect(slow).toBeGreaterThan(290);
  expect(simulator.attempts.entries()).toMatchObject([{ outcome: 'ok' }]);
});

test('latency delays every response', async () => {
  const { client } = await simulate({ latencyMs: 100 });
  const start = performance.now();
  await client.send(listUsers());
  await client.send(listUsers());
  expect(performance.now() - start).toBeGreaterThan(155);
});

test('empty pages have a token, never follow each other, and lose no user', async () => {
  const { pool, client } = await simulate({ faults: { 'empty-page': 1 } });
  const pages = await listAll(client, { Limit: 30 });
  expect(pages.flat()).toHaveLength(200);
  expect(pages.map((page) => page.length === 0)).toEqual(pages.map((_, index) => index % 2 === 0));
  expect((await membersOf(client, 'everyone')).flat()).toHaveLength(pool.memberCount('everyone'));
  expect(await groupsOf(client)).toHaveLength(12);
});

test('short pages hold between one user and half a page, and lose no user', async () => {
  const { client } = await simulate({ faults: { 'short-page': 1 } });
  const pages = await listAll(client, { Limit: 20 });
  expect(pages.flat()).toHaveLength(200);
  for (const page of pages) {
    expect(page.length).toBeGreaterThanOrEqual(1);
    expect(page.length).toBeLessThanOrEqual(10);
  }
});

test('short pages keep pages of one user as they are', async () => {
  const { client } = await simulate({ users: 5, faults: { 'short-page': 1, 'repeat-user': 1 } });
  const pages = await listAll(client, { Limit: 1 });
  expect(pages.map((page) => page.length)).toEqual([1, 1, 1, 1, 1]);
});

test.each([
  ['ListUsers', (client: ReturnType<typeof clientOf>) => listAll(client, { Limit: 30 }), 200],
  [
    'ListUsersInGroup',
    (client: ReturnType<typeof clientOf>) => membersOf(client, 'everyone', 30),
    188,
  ],
] as const)(
  'repeat-user returns the last user of the previous page again: %s',
  async (_, walk, count) => {
    const { client } = await simulate({ faults: { 'repeat-user': 1 } });
    const pages = await walk(client);
    for (const [index, page] of pages.slice(1).entries()) {
      expect(page[0]).toEqual(pages[index]?.at(-1));
      expect(page.length).toBeLessThanOrEqual(30);
    }
    const names = pages.flat().map((user) => user.Username);
    expect(new Set(names).size).toBe(count);
    expect(names).toHaveLength(count + pages.length - 1);
  },
);

test('token-refused refuses valid tokens, and no request without one', async () => {
  const { simulator, client } = await simulate({ faults: { 'token-refused': 1 } });
  const first = await client.send(new ListUsersCommand({ UserPoolId: POOL }));
  const next = new ListUsersCommand({ UserPoolId: POOL, PaginationToken: first.PaginationToken });
  const error = await failure(client.send(next));
  expect(error.name).toBe('InvalidParameterException');
  expect(error.message).toContain('is invalid for request');
  expect(simulator.attempts.entries().at(-1)).toMatchObject({ outcome: 'error', injected: true });
  simulator.faults.set({});
  expect((await client.send(next)).Users).toHaveLength(60);
});

test('churn creates and deletes users during a walk, which returns every other user once', async () => {
  const { pool, client } = await simulate({ users: 400, faults: { churn: 1 } });
  const before = new Set([...pool.users()].map((user) => user.username));
  const names = (await listAll(client, { Limit: 10 })).flat().map((user) => user.Username);
  const after = new Set([...pool.users()].map((user) => user.username));
  expect([...after].some((name) => !before.has(name))).toBe(true);
  expect([...before].some((name) => !after.has(name))).toBe(true);
  expect(new Set(names).size).toBe(names.length);
  for (const name of before) if (after.has(name)) expect(names).toContain(name);
});

test('page-fill sets how full pages are on average, and loses no user', async () => {
  const { client } = await simulate({ users: 6000, groups: 0, pageFill: 0.6 });
  const pages = await listAll(client);
  expect(pages.flat()).toHaveLength(6000);
  const mean = 6000 / pages.length;
  expect(mean).toBeGreaterThan(0.5 * 60);
  expect(mean).toBeLessThan(0.7 * 60);
  expect(new Set(pages.map((page) => page.length)).size).toBeGreaterThan(10);
});

test('faults can be replaced while the simulator runs, and invalid ones are refused', async () => {
  const { simulator, client } = await simulate({ faults: { throttle: 1 } });
  simulator.faults.set({ 'internal-error': 1 });
  expect(await outcomes(client, 2)).toEqual(['InternalErrorException', 'InternalErrorException']);
  simulator.faults.set({});
  expect(await outcomes(client, 2)).toEqual(['ok', 'ok']);
  expect(() => simulator.faults.set({ throttle: 1.5 })).toThrow(/throttle must be from 0 to 1/);
  expect(() => simulator.faults.set({ ['nope' as FaultName]: 1 })).toThrow(/Unknown fault nope/);
  expect(await outcomes(client, 1)).toEqual(['ok']);
});

test('a dropped write may or may not have been done', async () => {
  const { pool, client } = await simulate({ users: 0, faults: { drop: 1 } });
  for (let turn = 0; turn < 20; turn += 1) {
    const input = { UserPoolId: POOL, Username: `user-${turn}` };
    await failure(client.send(new AdminCreateUserCommand(input)));
  }
  expect(pool.userCount).toBeGreaterThan(2);
  expect(pool.userCount).toBeLessThan(18);
});
