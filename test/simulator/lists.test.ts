import {
  AdminListGroupsForUserCommand,
  ListGroupsCommand,
  ListUserPoolsCommand,
  ListUsersCommand,
  ListUsersInGroupCommand,
  paginateListGroups,
  paginateListUsers,
  paginateListUsersInGroup,
} from '@aws-sdk/client-cognito-identity-provider';
import { expect, test } from 'vitest';
import {
  byName,
  clientOf,
  expectedGroup,
  expectedUser,
  failure,
  groupsOf,
  listAll,
  membersOf,
  POOL,
  simulate,
} from './support.ts';

test('ListUsers returns every user once, with all fields', async () => {
  const { pool, client } = await simulate({ users: 1300 });
  const users = (await listAll(client)).flat();
  expect(byName(users)).toEqual(byName([...pool.users()].map(expectedUser)));
  expect(users).toHaveLength(1300);
});

test('the order of users is stable, and not that of names or creation', async () => {
  const { client } = await simulate();
  const first = (await listAll(client)).flat();
  const again = (await listAll(client, { Limit: 7 })).flat();
  expect(again).toEqual(first);
  expect(first).not.toEqual(byName(first));
  const byDate = first.toSorted((a, b) => Number(a.UserCreateDate) - Number(b.UserCreateDate));
  expect(first).not.toEqual(byDate);
});

test('users created over the API are not listed in the order of creation', async () => {
  const { pool, client } = await simulate({ users: 0 });
  const names = Array.from({ length: 40 }, (_, n) => `user-${100 + n}`);
  for (const username of names) pool.createUser({ username });
  const listed = (await listAll(client, { Limit: 9 })).flat().map((user) => user.Username);
  expect(listed.toSorted()).toEqual(names);
  expect(listed).not.toEqual(names);
});

test.each([
  [undefined, 60],
  [0, 60],
  [1, 1],
  [37, 37],
  [60, 60],
])('a page of Limit %s holds %s users', async (Limit, size) => {
  const { client } = await simulate();
  const page = await client.send(new ListUsersCommand({ UserPoolId: POOL, Limit }));
  expect(page.Users).toHaveLength(size);
  expect(page.PaginationToken).toMatch(/^\S+$/);
});

test('a list that ends with a full page ends there', async () => {
  const { client } = await simulate({ users: 120 });
  const pages = await listAll(client);
  expect(pages.map((page) => page.length)).toEqual([60, 60]);
});

test('an empty pool has one page without users or token', async () => {
  const { client } = await simulate({ users: 0, groups: 0 });
  const users = await client.send(new ListUsersCommand({ UserPoolId: POOL }));
  expect([users.Users, users.PaginationToken]).toEqual([[], undefined]);
  const groups = await client.send(new ListGroupsCommand({ UserPoolId: POOL }));
  expect([groups.Groups, groups.NextToken]).toEqual([[], undefined]);
});

test('AttributesToGet reduces the attributes to those named', async () => {
  const { pool, client } = await simulate();
  const pages = await listAll(client, { AttributesToGet: ['sub'] });
  const expected = [...pool.users()].map(expectedUser).map((user) => ({
    ...user,
    Attributes: user.Attributes?.filter(({ Name }) => Name === 'sub'),
  }));
  expect(byName(pages.flat())).toEqual(byName(expected));
});

test('AttributesToGet fails if a user on the page lacks one', async () => {
  const { pool, client } = await simulate({ users: 0 });
  pool.createUser({ username: 'full', attributes: { email: 'full@example.com', name: 'Full' } });
  const ask = (AttributesToGet: string[]) =>
    client.send(new ListUsersCommand({ UserPoolId: POOL, AttributesToGet }));
  expect((await ask(['email', 'name'])).Users).toHaveLength(1);
  pool.createUser({ username: 'bare', attributes: { email: 'bare@example.com' } });
  expect((await ask(['email'])).Users).toHaveLength(2);
  expect(await failure(ask(['email', 'name']))).toMatchObject({
    name: 'InvalidParameterException',
    message: 'One or more requested attributes do not exist.',
  });
});

test('ListUsersInGroup returns exactly the members, with all fields', async () => {
  const { pool, client } = await simulate();
  let members = 0;
  for (const { groupName } of pool.groups()) {
    const listed = (await membersOf(client, groupName, 33)).flat();
    const expected = [...pool.members(groupName)].map(expectedUser);
    expect(byName(listed)).toEqual(byName(expected));
    members += listed.length;
  }
  expect(members).toBe([...pool.memberships()].length);
  expect(members).toBeGreaterThan(250);
});

test('ListGroups returns every group with all fields', async () => {
  const { pool, client } = await simulate({ users: 10, groups: 150 });
  expect(await groupsOf(client)).toEqual([...pool.groups()].map(expectedGroup));
});

test('AdminListGroupsForUser pages through the groups of a user', async () => {
  const { pool, client } = await simulate({ users: 3, groups: 0 });
  const [user] = [...pool.users()];
  const username = user?.username ?? '';
  const names = Array.from({ length: 25 }, (_, n) => `group-${100 + n}`);
  for (const name of names) pool.createGroup(name);
  for (const name of names.slice(3)) pool.addToGroup(username, name);
  const listed: (string | undefined)[] = [];
  let token: string | undefined;
  let pages = 0;
  do {
    const input = { UserPoolId: POOL, Username: username, Limit: 10, NextToken: token };
    const page = await client.send(new AdminListGroupsForUserCommand(input));
    listed.push(...(page.Groups ?? []).map((group) => group.GroupName));
    token = page.NextToken;
    pages += 1;
  } while (token !== undefined);
  expect(listed).toEqual(names.slice(3));
  expect(pages).toBe(3);
});

test('ListUserPools pages through the pools of the Region of the request', async () => {
  const pools = ['us-east-1_B', 'us-east-1_A', 'eu-west-1_C', 'us-east-1_D'];
  const { simulator, client } = await simulate({ pools, users: 1, groups: 0 });
  const first = await client.send(new ListUserPoolsCommand({ MaxResults: 2 }));
  expect(first.UserPools?.map((pool) => pool.Id)).toEqual(['us-east-1_A', 'us-east-1_B']);
  const input = { MaxResults: 2, NextToken: first.NextToken };
  const second = await client.send(new ListUserPoolsCommand(input));
  expect(second.UserPools?.map((pool) => pool.Id)).toEqual(['us-east-1_D']);
  expect(second.NextToken).toBeUndefined();
  const european = clientOf(simulator, 'eu-west-1');
  const there = await european.send(new ListUserPoolsCommand({ MaxResults: 60 }));
  expect(there.UserPools?.map((pool) => pool.Id)).toEqual(['eu-west-1_C']);
  expect(there.UserPools?.[0]?.Name).toBe('simulated-c');
  expect(there.UserPools?.[0]?.CreationDate).toBeInstanceOf(Date);
  european.destroy();
});

test("the SDK's paginators work with pageSize and startingToken", async () => {
  const { pool, client } = await simulate();
  const names: (string | undefined)[] = [];
  const first = paginateListUsers({ client, pageSize: 50 }, { UserPoolId: POOL });
  const start = (await first.next()).value;
  names.push(...(start?.Users ?? []).map((user) => user.Username));
  expect(names).toHaveLength(50);
  const config = { client, pageSize: 25, startingToken: start?.PaginationToken };
  for await (const page of paginateListUsers(config, { UserPoolId: POOL })) {
    names.push(...(page.Users ?? []).map((user) => user.Username));
  }
  expect(names.toSorted()).toEqual([...pool.users()].map((user) => user.username).toSorted());

  const members: (string | undefined)[] = [];
  const input = { UserPoolId: POOL, GroupName: 'everyone' };
  for await (const page of paginateListUsersInGroup({ client, pageSize: 40 }, input)) {
    members.push(...(page.Users ?? []).map((user) => user.Username));
  }
  expect(members).toHaveLength(pool.memberCount('everyone'));

  let groups = 0;
  for await (const page of paginateListGroups({ client, pageSize: 5 }, { UserPoolId: POOL })) {
    groups += page.Groups?.length ?? 0;
  }
  expect(groups).toBe(12);
});

test('a walk continues while users are created and deleted, and repeats no user', async () => {
  const { pool, client } = await simulate({ users: 300, groups: 0 });
  const stays = new Set([...pool.users()].map((user) => user.username));
  const seen: (string | undefined)[] = [];
  let token: string | undefined;
  let turn = 0;
  do {
    const page = await client.send(
      new ListUsersCommand({ UserPoolId: POOL, Limit: 10, PaginationToken: token }),
    );
    seen.push(...(page.Users ?? []).map((user) => user.Username));
    token = page.PaginationToken;
    pool.createUser({ username: `new-${turn}` });
    const [victim] = [...stays].slice(turn * 3);
    pool.deleteUser(victim ?? '');
    stays.delete(victim ?? '');
    turn += 1;
  } while (token !== undefined);
  expect(new Set(seen).size).toBe(seen.length);
  for (const username of stays) expect(seen).toContain(username);
});

test('a token stays valid after its last user is deleted', async () => {
  const { pool, client } = await simulate({ users: 20, groups: 3 });
  const group = 'everyone';
  const input = { UserPoolId: POOL, GroupName: group, Limit: 5 };
  const first = await client.send(new ListUsersInGroupCommand(input));
  for (const user of first.Users ?? []) pool.deleteUser(user.Username ?? '');
  const rest = await client.send(
    new ListUsersInGroupCommand({ ...input, Limit: 60, NextToken: first.NextToken }),
  );
  expect(rest.Users).toHaveLength(pool.memberCount(group));
});
