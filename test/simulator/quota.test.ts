import {
  AdminAddUserToGroupCommand,
  AdminCreateUserCommand,
  AdminDisableUserCommand,
  AdminGetUserCommand,
  AdminListGroupsForUserCommand,
  AdminSetUserPasswordCommand,
  CreateGroupCommand,
  CreateUserPoolCommand,
  DescribeUserPoolCommand,
  ListGroupsCommand,
  ListUserPoolsCommand,
  ListUsersCommand,
  ListUsersInGroupCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { expect, test } from 'vitest';
import { clientOf, failure, POOL, simulate } from './support.ts';

const UserPoolId = POOL;
const listUsers = () => new ListUsersCommand({ UserPoolId, Limit: 1 });
const listMembers = () =>
  new ListUsersInGroupCommand({ UserPoolId, GroupName: 'everyone', Limit: 1 });
const listGroups = (pool = POOL) => new ListGroupsCommand({ UserPoolId: pool });

/** How many of `count` sequential calls are allowed. */
async function passing(
  client: ReturnType<typeof clientOf>,
  count: number,
  command: (turn: number) => object,
): Promise<number> {
  let passed = 0;
  for (let turn = 0; turn < count; turn += 1) {
    const error = await client.send(command(turn) as never).then(
      () => undefined,
      (cause: Error) => cause,
    );
    if (error === undefined) passed += 1;
    else
      expect(error).toMatchObject({ name: 'TooManyRequestsException', message: 'Rate exceeded' });
  }
  return passed;
}

test('ListUsers and ListUsersInGroup share a bucket of one second that refills evenly', async () => {
  let now = 0;
  const { client } = await simulate({ rps: 30, now: () => now });
  const both = (turn: number) => (turn % 2 === 0 ? listUsers() : listMembers());
  expect(await passing(client, 40, both)).toBe(30);
  now += 100;
  expect(await passing(client, 5, both)).toBe(3);
  now += 33;
  expect(await passing(client, 2, both)).toBe(0);
  now += 1;
  expect(await passing(client, 2, both)).toBe(1);
  now += 60_000;
  expect(await passing(client, 40, both)).toBe(30);
});

test.each([
  ['UserList', 30, listUsers],
  ['UserPoolRead', 15, () => new DescribeUserPoolCommand({ UserPoolId })],
  ['UserPoolRead', 15, () => new ListUserPoolsCommand({ MaxResults: 1 })],
  [
    'UserResourceRead',
    50,
    () => new AdminListGroupsForUserCommand({ UserPoolId, Username: 'ann' }),
  ],
  ['UserRead', 120, () => new AdminGetUserCommand({ UserPoolId, Username: 'ann' })],
  [
    'UserCreation',
    50,
    (turn: number) => new AdminCreateUserCommand({ UserPoolId, Username: `user-${turn}` }),
  ],
  ['UserUpdate', 25, () => new AdminDisableUserCommand({ UserPoolId, Username: 'ann' })],
  [
    'UserResourceUpdate',
    25,
    () => new AdminAddUserToGroupCommand({ UserPoolId, Username: 'ann', GroupName: 'everyone' }),
  ],
  [
    'UserAccountRecovery',
    30,
    () => new AdminSetUserPasswordCommand({ UserPoolId, Username: 'ann', Password: 'Secret-1' }),
  ],
  ['UserPoolUpdate', 15, (turn: number) => new CreateUserPoolCommand({ PoolName: `p-${turn}` })],
])('%s passes %i requests a second', async (_, rate, command) => {
  const { pool, client } = await simulate({ rps: 30, now: () => 0 });
  pool.createUser({ username: 'ann' });
  expect(await passing(client, rate + 5, command)).toBe(rate);
});

test('ListGroups allows 5 requests per second and pool, and 20 over all pools', async () => {
  const pools = [POOL, 'us-east-1_B', 'us-east-1_C', 'us-east-1_D', 'us-east-1_E'];
  const { client } = await simulate({ pools, users: 1, groups: 1, rps: 30, now: () => 0 });
  const passed = [];
  for (const id of pools) passed.push(await passing(client, 7, () => listGroups(id)));
  expect(passed).toEqual([5, 5, 5, 5, 0]);
});

test('pools share a bucket if their account and Region are the same', async () => {
  const pools = [
    POOL,
    'us-east-1_Same',
    { id: 'us-east-1_Other', account: '999999999999' },
    'eu-west-1_There',
  ];
  const { simulator, client } = await simulate({
    pools,
    users: 1,
    groups: 0,
    rps: 3,
    now: () => 0,
  });
  const there = clientOf(simulator, 'eu-west-1');
  const of = (pool: string) => () => new ListUsersCommand({ UserPoolId: pool });
  expect(await passing(client, 5, of(POOL))).toBe(3);
  expect(await passing(client, 5, of('us-east-1_Same'))).toBe(0);
  expect(await passing(client, 5, of('us-east-1_Other'))).toBe(3);
  expect(await passing(there, 5, of('eu-west-1_There'))).toBe(3);
  there.destroy();
});

test('refused and failed requests count too', async () => {
  const { client } = await simulate({ rps: 3, now: () => 0 });
  const wrong = new ListUsersCommand({ UserPoolId, Limit: 61 });
  for (let turn = 0; turn < 3; turn += 1) {
    expect((await failure(client.send(wrong))).name).toBe('InvalidParameterException');
  }
  expect(await passing(client, 1, listUsers)).toBe(0);
});

test('rps 0 turns all quotas off', async () => {
  const { client } = await simulate({ rps: 0, now: () => 0 });
  expect(await passing(client, 60, listUsers)).toBe(60);
  expect(await passing(client, 20, () => listGroups())).toBe(20);
});

test('each write of groups allows 5 requests per second and pool, and 15 over all pools', async () => {
  const pools = [POOL, 'us-east-1_B', 'us-east-1_C', 'us-east-1_D'];
  const { client } = await simulate({ pools, users: 1, groups: 1, rps: 30, now: () => 0 });
  const passed = [];
  for (const id of pools) {
    const create = (turn: number) =>
      new CreateGroupCommand({ UserPoolId: id, GroupName: `group-${turn}` });
    passed.push(await passing(client, 7, create));
  }
  expect(passed).toEqual([5, 5, 5, 0]);
});

test('single buckets can be set', async () => {
  const { client } = await simulate({ rps: 30, quotas: { UserRead: 2 }, now: () => 0 });
  const get = () => new AdminGetUserCommand({ UserPoolId, Username: 'nobody' });
  const errors = [];
  for (let turn = 0; turn < 3; turn += 1) errors.push((await failure(client.send(get()))).name);
  expect(errors).toEqual([
    'UserNotFoundException',
    'UserNotFoundException',
    'TooManyRequestsException',
  ]);
});

test('on the real clock, no second allows more than the bucket and its refill', async () => {
  const { simulator, client } = await simulate({ rps: 10 });
  const end = performance.now() + 1500;
  while (performance.now() < end) {
    await Promise.all(Array.from({ length: 5 }, () => client.send(listUsers()).catch(() => {})));
  }
  const passed = { bucket: 'UserList', outcome: 'ok' } as const;
  expect(simulator.attempts.count(passed)).toBeGreaterThan(10);
  // 10 held and 10 refilled; the rest is leeway for a machine that stalls between arrival and draw.
  expect(simulator.attempts.peak(passed)).toBeLessThan(30);
  expect(simulator.attempts.count({ outcome: 'throttled' })).toBeGreaterThan(0);
});
