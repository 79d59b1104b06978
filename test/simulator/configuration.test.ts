import {
  DescribeIdentityProviderCommand,
  DescribeUserPoolClientCommand,
  DescribeUserPoolCommand,
  DescribeUserPoolDomainCommand,
  GetUICustomizationCommand,
  GetUserPoolMfaConfigCommand,
  ListIdentityProvidersCommand,
  ListResourceServersCommand,
  ListTagsForResourceCommand,
  ListUserPoolClientsCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { expect, test } from 'vitest';
import { failure, POOL, simulate } from './support.ts';

const UserPoolId = POOL;

test('a generated pool has clients with and without a secret', async () => {
  const { pool, client } = await simulate();
  const list = new ListUserPoolClientsCommand({ UserPoolId, MaxResults: 60 });
  const { UserPoolClients = [], NextToken } = await client.send(list);
  expect(UserPoolClients.map(({ ClientName }) => ClientName)).toEqual(['web', 'mobile']);
  expect(NextToken).toBeUndefined();
  const secrets: (string | undefined)[] = [];
  for (const { ClientId } of UserPoolClients) {
    const describe = new DescribeUserPoolClientCommand({ UserPoolId, ClientId });
    const { UserPoolClient } = await client.send(describe);
    expect(UserPoolClient).toMatchObject({ UserPoolId, ClientId, AllowedOAuthFlows: ['code'] });
    expect(UserPoolClient?.CreationDate).toEqual(new Date(pool.settings.createdAt));
    secrets.push(UserPoolClient?.ClientSecret);
  }
  expect(secrets).toEqual([expect.stringMatching(/secret/), undefined]);
});

test('lists have pages', async () => {
  const { pool, client } = await simulate();
  for (let i = 0; i < 3; i += 1) pool.configuration.clients.set(`c${i}`, { ClientId: `c${i}` });
  const ids: (string | undefined)[] = [];
  let NextToken: string | undefined;
  do {
    const input = { UserPoolId, MaxResults: 2, NextToken };
    const page = await client.send(new ListUserPoolClientsCommand(input));
    ids.push(...(page.UserPoolClients ?? []).map(({ ClientId }) => ClientId));
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
  expect(ids).toEqual([...pool.configuration.clients.keys()].sort());
});

test('identity providers have their details, secrets included', async () => {
  const { pool, client } = await simulate();
  pool.configuration.providers.set('Apple', {
    ProviderName: 'Apple',
    ProviderType: 'SignInWithApple',
    ProviderDetails: { private_key: 'k' },
  });
  const { Providers = [] } = await client.send(new ListIdentityProvidersCommand({ UserPoolId }));
  expect(Providers.map(({ ProviderName }) => ProviderName)).toEqual([
    'Apple',
    'Facebook',
    'Google',
    'SAML',
  ]);
  const describe = (ProviderName: string) =>
    client.send(new DescribeIdentityProviderCommand({ UserPoolId, ProviderName }));
  const [apple, google] = [await describe('Apple'), await describe('Google')];
  expect(apple.IdentityProvider?.ProviderDetails).toEqual({ private_key: 'k' });
  expect(google.IdentityProvider?.ProviderDetails).toMatchObject({
    client_secret: 'simulated-secret-of-google',
  });
});

test('the rest of a pool is described', async () => {
  const { pool, client } = await simulate();
  const { UserPool } = await client.send(new DescribeUserPoolCommand({ UserPoolId }));
  expect(UserPool).toMatchObject({
    Domain: 'simulated-simulated',
    UserPoolTags: { team: 'identity' },
  });
  const mfa = await client.send(new GetUserPoolMfaConfigCommand({ UserPoolId }));
  expect(mfa).toMatchObject({
    MfaConfiguration: 'OPTIONAL',
    SmsMfaConfiguration: { SmsConfiguration: { ExternalId: 'simulated-sms-external-id' } },
  });
  const { ResourceServers } = await client.send(
    new ListResourceServersCommand({ UserPoolId, MaxResults: 50 }),
  );
  expect(ResourceServers).toMatchObject([{ Name: 'api', Scopes: [{ ScopeName: 'read' }] }]);
  const { Tags } = await client.send(
    new ListTagsForResourceCommand({ ResourceArn: pool.settings.arn }),
  );
  expect(Tags).toEqual({ team: 'identity' });
});

test('a domain is described by its name alone, and an unknown one is empty', async () => {
  const { client } = await simulate();
  const describe = async (Domain: string) =>
    (await client.send(new DescribeUserPoolDomainCommand({ Domain }))).DomainDescription;
  expect(await describe('simulated-simulated')).toMatchObject({ UserPoolId, Status: 'ACTIVE' });
  expect(await describe('nobody')).toEqual({});
});

test('a client without a look of its own has that of the pool', async () => {
  const { pool, client } = await simulate();
  const get = async (ClientId?: string) =>
    (await client.send(new GetUICustomizationCommand({ UserPoolId, ClientId }))).UICustomization;
  pool.configuration.ui.set('own', { ClientId: 'own', CSS: '.a {}' });
  expect(await get('own')).toEqual({ ClientId: 'own', CSS: '.a {}' });
  expect(await get('other')).toMatchObject({ ClientId: 'ALL' });
  expect(await get()).toMatchObject({ ClientId: 'ALL' });
  pool.configuration.ui.clear();
  expect(await get()).toEqual({});
});

test('what does not exist is refused', async () => {
  const { client } = await simulate();
  const calls = [
    client.send(new DescribeUserPoolClientCommand({ UserPoolId, ClientId: 'nobody' })),
    client.send(new DescribeIdentityProviderCommand({ UserPoolId, ProviderName: 'nobody' })),
    client.send(
      new ListTagsForResourceCommand({
        ResourceArn: 'arn:aws:cognito-idp:us-east-1:123456789012:userpool/us-east-1_Nobody',
      }),
    ),
  ];
  for (const call of calls) {
    expect(await failure(call)).toMatchObject({ name: 'ResourceNotFoundException' });
  }
});
