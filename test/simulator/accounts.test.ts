import {
  AdminCreateUserCommand,
  AdminGetUserCommand,
  AdminLinkProviderForUserCommand,
  AdminSetUserMFAPreferenceCommand,
  AdminSetUserPasswordCommand,
  AdminUpdateUserAttributesCommand,
  CreateUserPoolCommand,
  type CreateUserPoolCommandInput,
  DescribeUserPoolCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { describe, expect, test } from 'vitest';
import { failure, POOL, simulate } from './support.ts';

const UserPoolId = POOL;

/** A new pool of this kind, with functions that create and change its users. */
async function createPool(input: Partial<CreateUserPoolCommandInput> = {}) {
  const { simulator, client } = await simulate();
  const { UserPool } = await client.send(new CreateUserPoolCommand({ PoolName: 'new', ...input }));
  const id = UserPool?.Id ?? '';
  const toList = (attributes: Record<string, string>) =>
    Object.entries(attributes).map(([Name, Value]) => ({ Name, Value }));
  return {
    client,
    id,
    pool: simulator.pool(id),
    create: async (Username: string, attributes: Record<string, string> = {}) => {
      const UserAttributes = toList(attributes);
      const command = new AdminCreateUserCommand({ UserPoolId: id, Username, UserAttributes });
      return (await client.send(command)).User;
    },
    update: (Username: string, attributes: Record<string, string>) => {
      const UserAttributes = toList(attributes);
      const input = { UserPoolId: id, Username, UserAttributes };
      return client.send(new AdminUpdateUserAttributesCommand(input));
    },
  };
}

test('CreateUserPool creates an empty pool, which DescribeUserPool describes', async () => {
  const { client, id, pool } = await createPool({
    UsernameAttributes: ['email'],
    UserPoolTier: 'PLUS',
    MfaConfiguration: 'ON',
    Policies: { PasswordPolicy: { MinimumLength: 12 } },
    LambdaConfig: { PreSignUp: 'arn:aws:lambda:us-east-1:123456789012:function:check' },
    Schema: [
      { Name: 'email', Required: true },
      {
        Name: 'seats',
        AttributeDataType: 'Number',
        Mutable: false,
        NumberAttributeConstraints: { MinValue: '1', MaxValue: '9' },
      },
      { Name: 'crm', AttributeDataType: 'String', DeveloperOnlyAttribute: true },
    ],
  });
  expect(id).toMatch(/^us-east-1_[A-Za-z0-9]{9}$/);
  expect(pool.userCount + pool.groupCount).toBe(0);
  const { UserPool } = await client.send(new DescribeUserPoolCommand({ UserPoolId: id }));
  expect(UserPool).toMatchObject({
    Name: 'new',
    UsernameAttributes: ['email'],
    UserPoolTier: 'PLUS',
    MfaConfiguration: 'ON',
    Policies: { PasswordPolicy: { MinimumLength: 12, RequireSymbols: true } },
    LambdaConfig: { PreSignUp: 'arn:aws:lambda:us-east-1:123456789012:function:check' },
  });
  const schema = new Map(UserPool?.SchemaAttributes?.map((each) => [each.Name, each]));
  expect(schema.get('email')).toMatchObject({ Required: true, AttributeDataType: 'String' });
  expect(schema.get('custom:seats')).toMatchObject({
    Mutable: false,
    NumberAttributeConstraints: { MinValue: '1', MaxValue: '9' },
  });
  expect(schema.get('dev:custom:crm')).toMatchObject({ DeveloperOnlyAttribute: true });
});

test.each<[string, Partial<CreateUserPoolCommandInput>]>([
  ['aliases and sign-in by address', { UsernameAttributes: ['email'], AliasAttributes: ['email'] }],
  ['a required custom attribute', { Schema: [{ Name: 'plan', Required: true }] }],
  [
    'another type of a standard attribute',
    { Schema: [{ Name: 'email', AttributeDataType: 'Number' }] },
  ],
])('CreateUserPool refuses %s', async (_, input) => {
  const { client } = await simulate();
  const call = client.send(new CreateUserPoolCommand({ PoolName: 'new', ...input }));
  expect((await failure(call)).name).toBe('InvalidParameterException');
});

describe('the schema', () => {
  const Schema = [
    { Name: 'email', Required: true },
    { Name: 'birthplace', AttributeDataType: 'String', Mutable: false },
    {
      Name: 'code',
      AttributeDataType: 'String',
      StringAttributeConstraints: { MinLength: '2', MaxLength: '4' },
    },
    { Name: 'seats', AttributeDataType: 'Number', NumberAttributeConstraints: { MaxValue: '9' } },
    { Name: 'member', AttributeDataType: 'Boolean' },
    { Name: 'since', AttributeDataType: 'DateTime' },
  ] as const;
  const email = 'ann@example.com';

  test.each<[string, Record<string, string>]>([
    ['a missing required attribute', { name: 'Ann' }],
    ['an unknown attribute', { email, 'custom:none': 'x' }],
    ['a text that is too short', { email, 'custom:code': 'x' }],
    ['a text that is too long', { email, 'custom:code': 'xxxxx' }],
    ['a number that is too high', { email, 'custom:seats': '10' }],
    ['a number that is none', { email, 'custom:seats': 'many' }],
    ['a truth that is none', { email, 'custom:member': 'yes' }],
    ['a time that is none', { email, 'custom:since': 'long ago' }],
  ])('refuses %s of a new user', async (_, attributes) => {
    const { create, pool } = await createPool({ Schema: [...Schema] });
    expect((await failure(create('ann', attributes))).message).toMatch(
      /^Attributes did not conform/,
    );
    expect(pool.userCount).toBe(0);
  });

  test('refuses changes of what is immutable, and deleting what is required', async () => {
    const { create, update, pool } = await createPool({ Schema: [...Schema] });
    await create('ann', { email, 'custom:birthplace': 'Bern' });
    for (const change of [{ 'custom:birthplace': 'Basel' }, { email: '' }]) {
      expect((await failure(update('ann', change))).name).toBe('InvalidParameterException');
    }
    expect(Object.fromEntries(pool.user('ann').attributes)).toMatchObject({
      email,
      'custom:birthplace': 'Bern',
    });
  });
});

describe('a pool that signs in by address', () => {
  test('chooses the username, and finds the user by address', async () => {
    const { client, id, create } = await createPool({
      UsernameAttributes: ['email', 'phone_number'],
    });
    const ann = await create('Ann@example.com', { name: 'Ann' });
    const sub = ann?.Attributes?.find(({ Name }) => Name === 'sub')?.Value;
    expect(ann?.Username).toBe(sub);
    expect(ann?.Attributes).toContainEqual({ Name: 'email', Value: 'Ann@example.com' });
    await create('+41791234567');
    const input = { UserPoolId: id, Username: 'ann@example.com' };
    expect((await client.send(new AdminGetUserCommand(input))).Username).toBe(sub);
  });

  test('refuses a username that is not an address, and an address of another user', async () => {
    const { create, update } = await createPool({ UsernameAttributes: ['email'] });
    await create('ann@example.com');
    const bob = await create('bob@example.com');
    expect(await failure(create('ann'))).toMatchObject({
      name: 'InvalidParameterException',
      message: 'Username should be an email.',
    });
    expect((await failure(create('ANN@example.com'))).name).toBe('UsernameExistsException');
    const change = update(bob?.Username ?? '', { email: 'ann@example.com' });
    expect((await failure(change)).name).toBe('AliasExistsException');
  });
});

describe('an alias', () => {
  test('is a verified address or a preferred username, and belongs to one user', async () => {
    const { create, update, pool } = await createPool({
      AliasAttributes: ['email', 'preferred_username'],
    });
    const email = 'ann@example.com';
    await create('ann', { email, email_verified: 'true', preferred_username: 'annie' });
    await create('other', { email, email_verified: 'false' });
    expect(pool.user('annie').username).toBe('ann');
    expect(pool.user(email).username).toBe('ann');
    for (const taken of [{ email, email_verified: 'true' }, { preferred_username: 'annie' }]) {
      expect((await failure(create('third', taken))).name).toBe('AliasExistsException');
      expect((await failure(update('other', taken))).name).toBe('AliasExistsException');
    }
    expect(pool.user('other').attributes.get('email_verified')).toBe('false');
  });

  test('is free again once its user has another or is deleted', async () => {
    const { create, update, pool } = await createPool({ AliasAttributes: ['preferred_username'] });
    await create('ann', { preferred_username: 'first' });
    await update('ann', { preferred_username: 'second' });
    await create('bob', { preferred_username: 'first' });
    pool.deleteUser('bob');
    await create('carl', { preferred_username: 'first' });
    expect(pool.user('first').username).toBe('carl');
  });
});

describe('a trigger', () => {
  test('runs when a user is created, and may refuse', async () => {
    const { create, pool } = await createPool({
      LambdaConfig: { PreSignUp: 'arn:aws:lambda:us-east-1:123456789012:function:check' },
    });
    await create('ann');
    pool.refusals.set('PreSignUp', 'not today');
    expect(await failure(create('bob'))).toMatchObject({
      name: 'UserLambdaValidationException',
      message: 'PreSignUp failed with error not today.',
    });
    expect(pool.triggerRuns).toEqual(['PreSignUp', 'PreSignUp']);
    expect(pool.userCount).toBe(1);
  });
});

describe('AdminSetUserPassword', () => {
  const setPassword = (Username: string, Password: string, Permanent?: boolean) =>
    new AdminSetUserPasswordCommand({ UserPoolId, Username, Password, Permanent });

  test('confirms a user with a permanent password; a temporary one must be changed', async () => {
    const { client, pool } = await simulate();
    pool.createUser({ username: 'ann' });
    await client.send(setPassword('ann', 'Secret-1', true));
    expect(pool.user('ann').status).toBe('CONFIRMED');
    await client.send(setPassword('ann', 'Secret-2'));
    expect(pool.user('ann').status).toBe('FORCE_CHANGE_PASSWORD');
  });

  test.each(['Aa1-', 'secret-1', 'SECRET-1', 'Secret--', 'Secret11'])(
    'refuses a password against the policy: %s',
    async (password) => {
      const { client, pool } = await simulate();
      pool.createUser({ username: 'ann' });
      const error = await failure(client.send(setPassword('ann', password, true)));
      expect(error.name).toBe('InvalidPasswordException');
      expect(error.message).not.toContain(password);
      expect(pool.user('ann').status).toBe('FORCE_CHANGE_PASSWORD');
    },
  );

  test('refuses a federated user', async () => {
    const { client, pool } = await simulate();
    pool.createUser({ username: 'Google_1', status: 'EXTERNAL_PROVIDER' });
    const call = client.send(setPassword('Google_1', 'Secret-1', true));
    expect((await failure(call)).name).toBe('InvalidParameterException');
  });
});

describe('AdminLinkProviderForUser', () => {
  const link = (username: string, provider: string, userId: string) =>
    new AdminLinkProviderForUserCommand({
      UserPoolId,
      DestinationUser: { ProviderName: 'Cognito', ProviderAttributeValue: username },
      SourceUser: {
        ProviderName: provider,
        ProviderAttributeName: 'Cognito_Subject',
        ProviderAttributeValue: userId,
      },
    });

  test('adds identities to a user, five at most', async () => {
    const { client, pool } = await simulate();
    pool.createUser({ username: 'ann' });
    for (const id of ['1', '2', '3', '4', '5']) await client.send(link('ann', 'SAML', id));
    const identities = JSON.parse(pool.user('ann').attributes.get('identities') ?? '');
    expect(identities).toHaveLength(5);
    expect(identities[0]).toMatchObject({
      userId: '1',
      providerName: 'SAML',
      providerType: 'SAML',
      primary: false,
    });
    const more = await failure(client.send(link('ann', 'SAML', '6')));
    expect(more.name).toBe('LimitExceededException');
  });

  test.each([
    ['an identity twice', 'SAML', '1', 'InvalidParameterException'],
    ['one that signed in already', 'Google', '9', 'InvalidParameterException'],
    ['a provider that the pool does not have', 'Okta', '1', 'ResourceNotFoundException'],
  ])('refuses %s', async (_, provider, userId, name) => {
    const { client, pool } = await simulate();
    pool.createUser({ username: 'ann' });
    pool.createUser({ username: 'Google_9', status: 'EXTERNAL_PROVIDER' });
    await client.send(link('ann', 'SAML', '1'));
    expect((await failure(client.send(link('ann', provider, userId)))).name).toBe(name);
  });
});

describe('AdminSetUserMFAPreference', () => {
  const settings = (input: object) =>
    new AdminSetUserMFAPreferenceCommand({ UserPoolId, Username: 'ann', ...input });

  test('turns factors on and off, and prefers one', async () => {
    const { client, pool } = await simulate();
    const attributes = { phone_number: '+41791234567', email_verified: 'true' };
    pool.createUser({ username: 'ann', attributes });
    await client.send(
      settings({
        SMSMfaSettings: { Enabled: true, PreferredMfa: true },
        EmailMfaSettings: { Enabled: true },
      }),
    );
    const get = new AdminGetUserCommand({ UserPoolId, Username: 'ann' });
    expect(await client.send(get)).toMatchObject({
      UserMFASettingList: ['SMS_MFA', 'EMAIL_OTP'],
      PreferredMfaSetting: 'SMS_MFA',
    });
    await client.send(settings({ SMSMfaSettings: { Enabled: false } }));
    const after = await client.send(get);
    expect(after.UserMFASettingList).toEqual(['EMAIL_OTP']);
    expect(after.PreferredMfaSetting).toBeUndefined();
  });

  test.each([
    ['SMS without a phone number', { SMSMfaSettings: { Enabled: true } }],
    ['e-mail without a verified address', { EmailMfaSettings: { Enabled: true } }],
    ['a token that its user never verified', { SoftwareTokenMfaSettings: { Enabled: true } }],
  ])('refuses %s', async (_, input) => {
    const { client, pool } = await simulate();
    pool.createUser({ username: 'ann' });
    const error = await failure(client.send(settings(input)));
    expect(error.name).toBe('InvalidParameterException');
    expect(pool.user('ann').mfaSettings).toEqual([]);
  });
});

test('a pool in a secondary Region refuses every operation', async () => {
  const { client } = await simulate({ deny: { AdminCreateUser: 'OperationNotEnabledException' } });
  const call = client.send(new AdminCreateUserCommand({ UserPoolId, Username: 'ann' }));
  expect((await failure(call)).name).toBe('OperationNotEnabledException');
});
