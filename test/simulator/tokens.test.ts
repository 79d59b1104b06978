import {
  AdminListGroupsForUserCommand,
  ListGroupsCommand,
  ListUsersCommand,
  ListUsersInGroupCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { expect, test } from 'vitest';
import { startSimulator } from '../../src/simulator/index.ts';
import { clientOf, failure, POOL, simulate } from './support.ts';

const Limit = 5;

/** The token of a first page of ListUsers. */
async function tokenOf(client: ReturnType<typeof clientOf>, input: object = {}): Promise<string> {
  const page = await client.send(new ListUsersCommand({ UserPoolId: POOL, Limit, ...input }));
  return String(page.PaginationToken);
}

test('a token reveals nothing about its content', async () => {
  const { pool, client } = await simulate();
  const tokens = [await tokenOf(client), await tokenOf(client)];
  expect(tokens[0]).not.toBe(tokens[1]);
  for (const token of tokens) {
    expect(token).toMatch(/^[\w+/=]+$/);
    const decoded = Buffer.from(token, 'base64').toString('latin1');
    for (const user of pool.users()) {
      expect(decoded).not.toContain(user.attributes.get('sub'));
      expect(decoded).not.toContain(user.username);
    }
  }
});

test('a token can be used again and returns the same page', async () => {
  const { client } = await simulate();
  const input = { UserPoolId: POOL, Limit, PaginationToken: await tokenOf(client) };
  const first = await client.send(new ListUsersCommand(input));
  const again = await client.send(new ListUsersCommand(input));
  expect(again.Users).toEqual(first.Users);
});

test.each([
  ['another filter', { Filter: 'sub ^= "a"' }, { Filter: 'sub ^= "b"' }],
  ['no filter', { Filter: 'sub ^= "a"' }, {}],
  ['a filter', {}, { Filter: 'sub ^= "a"' }],
  ['another pool', {}, { UserPoolId: 'us-east-1_Other' }],
  ['other attributes', { AttributesToGet: ['sub'] }, {}],
])('a token is refused with %s', async (_, first, second) => {
  const { client } = await simulate({ users: 600, pools: [POOL, 'us-east-1_Other'] });
  const PaginationToken = await tokenOf(client, first);
  const command = new ListUsersCommand({ UserPoolId: POOL, Limit, ...second, PaginationToken });
  const error = await failure(client.send(command));
  expect(error.name).toBe('InvalidParameterException');
  expect(error.message).toMatch(/^Paging marker \S+ is invalid for request [0-9a-f-]{36}$/);
  expect(error.message).toContain(PaginationToken);
});

test('a token is valid with another Limit', async () => {
  const { client } = await simulate();
  const input = { UserPoolId: POOL, Limit: 9, PaginationToken: await tokenOf(client) };
  expect((await client.send(new ListUsersCommand(input))).Users).toHaveLength(9);
});

test('a token is refused for another operation, group or user', async () => {
  const { pool, client } = await simulate({ users: 600, groups: 30 });
  const users = await tokenOf(client);
  const members = await client.send(
    new ListUsersInGroupCommand({ UserPoolId: POOL, GroupName: 'everyone', Limit }),
  );
  const groups = await client.send(new ListGroupsCommand({ UserPoolId: POOL, Limit }));
  const [username, other] = [...pool.users()].map((user) => user.username);
  for (const group of ['everyone', 'editors', 'admins']) {
    for (const name of [username, other]) pool.addToGroup(name ?? '', group);
  }
  const ofUser = await client.send(
    new AdminListGroupsForUserCommand({ UserPoolId: POOL, Username: username, Limit: 1 }),
  );
  const UserPoolId = POOL;
  const misuses = [
    new ListUsersInGroupCommand({ UserPoolId, GroupName: 'everyone', NextToken: users }),
    new ListUsersInGroupCommand({ UserPoolId, GroupName: 'editors', NextToken: members.NextToken }),
    new ListGroupsCommand({ UserPoolId, NextToken: members.NextToken }),
    new ListUsersCommand({ UserPoolId, PaginationToken: groups.NextToken }),
    new AdminListGroupsForUserCommand({ UserPoolId, Username: other, NextToken: ofUser.NextToken }),
    new AdminListGroupsForUserCommand({ UserPoolId, Username: other, NextToken: groups.NextToken }),
  ];
  for (const command of misuses) {
    const error = await failure(client.send(command as never));
    expect(error.name).toBe('InvalidParameterException');
    expect(error.message).toContain('is invalid for request');
  }
});

test('made-up and damaged tokens are refused', async () => {
  const { client } = await simulate();
  const token = await tokenOf(client);
  const middle = token.length >> 1;
  const damaged = `${token.slice(0, middle)}${token[middle] === 'A' ? 'B' : 'A'}${token.slice(middle + 1)}`;
  for (const PaginationToken of ['x', 'AAAA', damaged, token.slice(4), `${token}AAAA`, '🙂']) {
    const command = new ListUsersCommand({ UserPoolId: POOL, Limit, PaginationToken });
    expect((await failure(client.send(command))).name).toBe('InvalidParameterException');
  }
});

test('a token expires after a time from its issue', async () => {
  let now = 1_000_000;
  const { client } = await simulate({ now: () => now });
  const first = await tokenOf(client);
  now += 3_600_000;
  const second = await tokenOf(client, { PaginationToken: first });
  now += 1;
  const late = { UserPoolId: POOL, Limit, PaginationToken: first };
  expect(await failure(client.send(new ListUsersCommand(late)))).toMatchObject({
    name: 'InvalidParameterException',
    message: expect.stringContaining('token'),
  });
  now += 3_599_999;
  await tokenOf(client, { PaginationToken: second });
});

test('the time to live can be set', async () => {
  let now = 0;
  const { client } = await simulate({ now: () => now, pageTokenTtlSeconds: 2 });
  const PaginationToken = await tokenOf(client);
  now = 2000;
  await tokenOf(client, { PaginationToken });
  now = 2001;
  const error = await failure(tokenOf(client, { PaginationToken }));
  expect(error.name).toBe('InvalidParameterException');
});

test('a token is valid after a restart with the same seed', async () => {
  const { client } = await simulate();
  const PaginationToken = await tokenOf(client);
  const rest = (await client.send(new ListUsersCommand({ UserPoolId: POOL, PaginationToken })))
    .Users;
  const restarted = await startSimulator({ rps: 0, users: 200, groups: 12 });
  const other = clientOf(restarted);
  const command = new ListUsersCommand({ UserPoolId: POOL, PaginationToken });
  expect((await other.send(command)).Users).toEqual(rest);
  other.destroy();
  await restarted.close();
});
