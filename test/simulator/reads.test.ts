import {
  AdminGetUserCommand,
  AdminListGroupsForUserCommand,
  DescribeUserPoolCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { expect, test } from 'vitest';
import { expectedUser, failure, POOL, simulate } from './support.ts';

test('AdminGetUser returns every user by username, with all fields', async () => {
  const { pool, client } = await simulate();
  for (const user of [...pool.users()].slice(0, 60)) {
    const Username = user.username;
    const got = await client.send(new AdminGetUserCommand({ UserPoolId: POOL, Username }));
    const { Attributes, ...fields } = expectedUser(user);
    expect(got).toEqual({
      ...fields,
      $metadata: expect.anything(),
      UserAttributes: Attributes,
      ...(user.mfaSettings.length === 0
        ? {}
        : { UserMFASettingList: user.mfaSettings, PreferredMfaSetting: user.preferredMfa }),
    });
  }
});

test('a user is also found by sub, in pools of every username style', async () => {
  for (const usernames of ['sub', 'email', 'plain'] as const) {
    const { pool, client } = await simulate({ usernames });
    pool.createUser({ username: 'made', sub: '0f0f0f0f-0000-4000-8000-000000000000' });
    for (const user of [...pool.users()].slice(-20)) {
      const Username = user.attributes.get('sub');
      const got = await client.send(new AdminGetUserCommand({ UserPoolId: POOL, Username }));
      expect(got.Username).toBe(user.username);
    }
  }
});

test('an unknown user is not found', async () => {
  const { client } = await simulate();
  for (const Username of ['nobody', 'Google_1', 'Google_10000000000', 'a.b@c', '00000000']) {
    const expected = { name: 'UserNotFoundException', message: 'User does not exist.' };
    const input = { UserPoolId: POOL, Username };
    expect(await failure(client.send(new AdminGetUserCommand(input)))).toMatchObject(expected);
    expect(await failure(client.send(new AdminListGroupsForUserCommand(input)))).toMatchObject(
      expected,
    );
  }
});

test('DescribeUserPool returns the settings of the pool', async () => {
  const { pool, client } = await simulate({ account: '000011112222' });
  const describe = async () =>
    (await client.send(new DescribeUserPoolCommand({ UserPoolId: POOL }))).UserPool;
  expect(await describe()).toMatchObject({
    Id: POOL,
    Name: 'simulated-simulated',
    Arn: `arn:aws:cognito-idp:us-east-1:000011112222:userpool/${POOL}`,
    EstimatedNumberOfUsers: 200,
    MfaConfiguration: 'OPTIONAL',
    CreationDate: new Date(pool.settings.createdAt),
    LastModifiedDate: new Date(pool.settings.createdAt),
  });
  pool.deleteUser([...pool.users()][0]?.username ?? '');
  expect((await describe())?.EstimatedNumberOfUsers).toBe(199);
  pool.estimatedUsers = 7;
  expect((await describe())?.EstimatedNumberOfUsers).toBe(7);
});

test('the schema contains every attribute of every user', async () => {
  const { pool, client } = await simulate({ users: 2000 });
  const { UserPool } = await client.send(new DescribeUserPoolCommand({ UserPoolId: POOL }));
  const schema = new Set(UserPool?.SchemaAttributes?.map((attribute) => attribute.Name));
  const used = new Set([...pool.users()].flatMap((user) => [...user.attributes.keys()]));
  expect([...used].filter((name) => !schema.has(name))).toEqual([]);
  expect([...used].some((name) => name.startsWith('custom:'))).toBe(true);
  expect([...used].some((name) => name.startsWith('dev:custom:'))).toBe(true);
});

test('pools of one simulator can belong to different accounts', async () => {
  const pools = [{ id: 'us-east-1_A', account: '111111111111' }, { id: 'us-east-1_B' }];
  const { client } = await simulate({ pools, account: '222222222222' });
  const arnOf = async (UserPoolId: string) =>
    (await client.send(new DescribeUserPoolCommand({ UserPoolId }))).UserPool?.Arn;
  expect(await arnOf('us-east-1_A')).toContain(':111111111111:');
  expect(await arnOf('us-east-1_B')).toContain(':222222222222:');
});
