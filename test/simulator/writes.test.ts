import {
  AdminAddUserToGroupCommand,
  AdminCreateUserCommand,
  AdminDeleteUserCommand,
  AdminDisableUserCommand,
  AdminEnableUserCommand,
  AdminGetUserCommand,
  AdminListGroupsForUserCommand,
  AdminRemoveUserFromGroupCommand,
  AdminUpdateUserAttributesCommand,
  CreateGroupCommand,
  DeleteGroupCommand,
  ListUsersCommand,
  UpdateGroupCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { expect, test } from 'vitest';
import { failure, groupsOf, listAll, membersOf, POOL, simulate } from './support.ts';

const UserPoolId = POOL;
const NOW = Date.UTC(2026, 10, 20, 12, 0, 0, 345);

test('AdminCreateUser creates a user who must set a password', async () => {
  const { client } = await simulate({ now: () => NOW + 0.9 });
  const input = {
    UserPoolId,
    Username: 'ann',
    UserAttributes: [
      { Name: 'email', Value: 'ann@example.com' },
      { Name: 'custom:tenant', Value: 't-1' },
    ],
    MessageAction: 'SUPPRESS' as const,
    TemporaryPassword: 'Secret-1',
  };
  const { User } = await client.send(new AdminCreateUserCommand(input));
  expect(User).toEqual({
    Username: 'ann',
    Attributes: [
      {
        Name: 'sub',
        Value: expect.stringMatching(
          /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
        ),
      },
      { Name: 'email', Value: 'ann@example.com' },
      { Name: 'custom:tenant', Value: 't-1' },
    ],
    UserCreateDate: new Date(NOW),
    UserLastModifiedDate: new Date(NOW),
    Enabled: true,
    UserStatus: 'FORCE_CHANGE_PASSWORD',
  });
  const listed = (await listAll(client, { Filter: 'username = "ann"' })).flat();
  expect(listed).toEqual([User]);
});

test('a username is unique and case-sensitive', async () => {
  const { pool, client } = await simulate();
  const create = (Username: string) =>
    client.send(new AdminCreateUserCommand({ UserPoolId, Username }));
  await create('ann');
  const taken = { name: 'UsernameExistsException', message: 'User account already exists' };
  expect(await failure(create('ann'))).toMatchObject(taken);
  const generated = [...pool.users()][5]?.username ?? '';
  expect(await failure(create(generated))).toMatchObject(taken);
  expect((await create('Ann')).User?.Username).toBe('Ann');
});

test.each([
  ['an attribute beyond the schema', 'custom:none', /could not be determined/],
  ['sub', 'sub', /sub/],
])('AdminCreateUser and AdminUpdateUserAttributes refuse %s', async (_, Name, message) => {
  const { pool, client } = await simulate();
  const UserAttributes = [{ Name, Value: 'x' }];
  const Username = [...pool.users()][0]?.username;
  for (const command of [
    new AdminCreateUserCommand({ UserPoolId, Username: 'new', UserAttributes }),
    new AdminUpdateUserAttributesCommand({ UserPoolId, Username, UserAttributes }),
  ]) {
    const error = await failure(client.send(command as never));
    expect(error.name).toBe('InvalidParameterException');
    expect(error.message).toMatch(message);
  }
});

test('RESEND invites only a user who waits for an invitation', async () => {
  const { pool, client } = await simulate();
  pool.createUser({ username: 'waits' });
  pool.createUser({ username: 'done', status: 'CONFIRMED' });
  const resend = (Username: string) =>
    client.send(new AdminCreateUserCommand({ UserPoolId, Username, MessageAction: 'RESEND' }));
  expect((await resend('waits')).User?.Username).toBe('waits');
  expect((await failure(resend('done'))).name).toBe('UnsupportedUserStateException');
  expect((await failure(resend('nobody'))).name).toBe('UserNotFoundException');
  expect(pool.userCount).toBe(202);
});

test('AdminDeleteUser deletes a user with its memberships, generated or created', async () => {
  const { pool, client } = await simulate();
  pool.createUser({ username: 'made' });
  pool.addToGroup('made', 'editors');
  const generated = [...pool.members('everyone')][0]?.username ?? '';
  for (const Username of ['made', generated]) {
    await client.send(new AdminDeleteUserCommand({ UserPoolId, Username }));
    const again = client.send(new AdminDeleteUserCommand({ UserPoolId, Username }));
    expect((await failure(again)).name).toBe('UserNotFoundException');
    const get = client.send(new AdminGetUserCommand({ UserPoolId, Username }));
    expect((await failure(get)).name).toBe('UserNotFoundException');
    expect((await listAll(client)).flat().map((user) => user.Username)).not.toContain(Username);
    for (const group of ['everyone', 'editors']) {
      const members = (await membersOf(client, group)).flat();
      expect(members.map((user) => user.Username)).not.toContain(Username);
    }
  }
  expect(pool.userCount).toBe(199);
});

test('a deleted username that is created again has another sub and no groups', async () => {
  const { pool, client } = await simulate({ usernames: 'email' });
  const old = [...pool.members('everyone')][0];
  const Username = old?.username ?? '';
  await client.send(new AdminDeleteUserCommand({ UserPoolId, Username }));
  await client.send(new AdminCreateUserCommand({ UserPoolId, Username }));
  expect(pool.user(Username).attributes.get('sub')).not.toBe(old?.attributes.get('sub'));
  const input = { UserPoolId, Username };
  const { Groups } = await client.send(new AdminListGroupsForUserCommand(input));
  expect(Groups).toEqual([]);
});

test('AdminUpdateUserAttributes sets and adds attributes, and deletes them with an empty value', async () => {
  const { pool, client } = await simulate({ now: () => NOW });
  const created = NOW - 5000;
  const attributes = { name: 'Ann', email: 'ann@example.com' };
  pool.createUser({ username: 'ann', createdAt: created, attributes });
  const UserAttributes = [
    { Name: 'name', Value: 'Anna 👋' },
    { Name: 'email', Value: '' },
    { Name: 'locale', Value: 'de-DE' },
  ];
  const input = { UserPoolId, Username: 'ann', UserAttributes };
  await client.send(new AdminUpdateUserAttributesCommand(input));
  const user = pool.user('ann');
  expect(Object.fromEntries(user.attributes)).toEqual({
    sub: expect.any(String),
    name: 'Anna 👋',
    locale: 'de-DE',
  });
  expect([user.createdAt, user.modifiedAt]).toEqual([created, NOW]);
});

test('a change of a generated user keeps its other fields', async () => {
  const { pool, client } = await simulate({ now: () => NOW });
  const before = [...pool.users()][3];
  const Username = before?.username ?? '';
  const UserAttributes = [{ Name: 'custom:plan', Value: 'gold' }];
  await client.send(new AdminUpdateUserAttributesCommand({ UserPoolId, Username, UserAttributes }));
  expect(pool.user(Username)).toEqual({
    ...before,
    modifiedAt: NOW,
    attributes: new Map(before?.attributes).set('custom:plan', 'gold'),
  });
  expect(pool.userCount).toBe(200);
});

test('AdminDisableUser and AdminEnableUser change the enabled flag', async () => {
  const { pool, client } = await simulate({ now: () => NOW });
  pool.createUser({ username: 'ann', createdAt: 1000 });
  await client.send(new AdminDisableUserCommand({ UserPoolId, Username: 'ann' }));
  expect(pool.user('ann')).toMatchObject({ enabled: false, modifiedAt: NOW });
  const input = { UserPoolId, Filter: 'status = "Disabled"' };
  const { Users } = await client.send(new ListUsersCommand(input));
  expect(Users?.map((user) => user.Username)).toContain('ann');
  await client.send(new AdminEnableUserCommand({ UserPoolId, Username: 'ann' }));
  expect(pool.user('ann').enabled).toBe(true);
});

test('CreateGroup, UpdateGroup and DeleteGroup', async () => {
  let now = NOW;
  const { pool, client } = await simulate({ groups: 0, now: () => now });
  const RoleArn = 'arn:aws:iam::123456789012:role/reader';
  const created = { UserPoolId, GroupName: 'staff', Description: 'All', RoleArn, Precedence: 3 };
  const { Group } = await client.send(new CreateGroupCommand(created));
  const dates = { CreationDate: new Date(NOW), LastModifiedDate: new Date(NOW) };
  expect(Group).toEqual({ ...created, ...dates });
  expect(await failure(client.send(new CreateGroupCommand(created)))).toMatchObject({
    name: 'GroupExistsException',
    message: 'A group with the name already exists.',
  });

  now += 1000;
  const change = { UserPoolId, GroupName: 'staff', Precedence: 0 };
  const updated = await client.send(new UpdateGroupCommand(change));
  const expected = { ...created, ...dates, Precedence: 0, LastModifiedDate: new Date(now) };
  expect(updated.Group).toEqual(expected);
  expect(await groupsOf(client)).toEqual([expected]);

  pool.addToGroup([...pool.users()][0]?.username ?? '', 'staff');
  await client.send(new DeleteGroupCommand({ UserPoolId, GroupName: 'staff' }));
  expect(await groupsOf(client)).toEqual([]);
  await client.send(new CreateGroupCommand({ UserPoolId, GroupName: 'staff' }));
  expect((await membersOf(client, 'staff')).flat()).toEqual([]);
  expect(await groupsOf(client)).toEqual([
    {
      UserPoolId,
      GroupName: 'staff',
      CreationDate: new Date(now),
      LastModifiedDate: new Date(now),
    },
  ]);
});

test('a pool holds at most 10,000 groups', async () => {
  const { pool, client } = await simulate({ users: 1, groups: 9_999 });
  pool.createGroup('last');
  const command = new CreateGroupCommand({ UserPoolId, GroupName: 'one-more' });
  expect((await failure(client.send(command))).name).toBe('LimitExceededException');
});

test('adding and removing members is idempotent', async () => {
  const { pool, client } = await simulate();
  pool.createUser({ username: 'ann' });
  const input = { UserPoolId, Username: 'ann', GroupName: 'editors' };
  const before = pool.memberCount('editors');
  await client.send(new AdminAddUserToGroupCommand(input));
  await client.send(new AdminAddUserToGroupCommand(input));
  expect(pool.memberCount('editors')).toBe(before + 1);
  const { Groups } = await client.send(new AdminListGroupsForUserCommand(input));
  expect(Groups?.map((group) => group.GroupName)).toEqual(['editors']);
  expect((await membersOf(client, 'editors')).flat().map((user) => user.Username)).toContain('ann');
  await client.send(new AdminRemoveUserFromGroupCommand(input));
  await client.send(new AdminRemoveUserFromGroupCommand(input));
  expect(pool.memberCount('editors')).toBe(before);
});

test.each([
  ['AdminAddUserToGroup', AdminAddUserToGroupCommand],
  ['AdminRemoveUserFromGroup', AdminRemoveUserFromGroupCommand],
])('%s names what does not exist', async (_, Command) => {
  const { pool, client } = await simulate();
  pool.createUser({ username: 'ann' });
  const send = (Username: string, GroupName: string) =>
    failure(client.send(new Command({ UserPoolId, Username, GroupName })));
  expect((await send('nobody', 'editors')).name).toBe('UserNotFoundException');
  expect(await send('ann', 'none')).toMatchObject({
    name: 'ResourceNotFoundException',
    message: 'Group not found.',
  });
});

test.each([UpdateGroupCommand, DeleteGroupCommand])(
  'an unknown group cannot be changed or deleted',
  async (Command) => {
    const { client } = await simulate();
    const error = await failure(client.send(new Command({ UserPoolId, GroupName: 'none' })));
    expect(error.name).toBe('ResourceNotFoundException');
  },
);

test('tests can create users that the API would refuse', async () => {
  const { pool, client } = await simulate({ users: 0 });
  pool.createUser({
    username: 'odd',
    sub: null,
    status: 'FUTURE',
    enabled: false,
    createdAt: 1_500_000_000_123,
    modifiedAt: 1_600_000_000_456,
    attributes: { name: 'half \ud83d and nul \u0000', 'custom:not in schema': 'x' },
    mfaOptions: [{ DeliveryMedium: 'EMAIL', AttributeName: 'email' }],
  });
  pool.createUser({ username: 'also', sub: null });
  expect((await listAll(client)).flat()).toContainEqual({
    Username: 'odd',
    Attributes: [
      { Name: 'name', Value: 'half \ud83d and nul \u0000' },
      { Name: 'custom:not in schema', Value: 'x' },
    ],
    UserStatus: 'FUTURE',
    Enabled: false,
    UserCreateDate: new Date(1_500_000_000_123),
    UserLastModifiedDate: new Date(1_600_000_000_456),
    MFAOptions: [{ DeliveryMedium: 'EMAIL', AttributeName: 'email' }],
  });
  pool.changeUser('odd', { status: 'CONFIRMED', modifiedAt: 1 });
  expect(pool.user('odd')).toMatchObject({ status: 'CONFIRMED', modifiedAt: 1 });
  pool.deleteUser('odd');
  expect((await listAll(client)).flat().map((user) => user.Username)).toEqual(['also']);
});
