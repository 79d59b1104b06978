import { expect, test } from 'vitest';
import { HashKey } from '../../src/privacy/hash-key.ts';
import { Secrets } from '../../src/privacy/secrets.ts';
import { HASH_KEY } from '../support/privacy.ts';

const poolId = 'us-east-1_Ab12Cd34';
const key = new HashKey(HASH_KEY);
const secrets = new Secrets(poolId, key);
const hashOf = (path: string, value: string) => key.hash(poolId, `settings:${path}`, value);

test('a secret becomes the hash of its pool, part and field', () => {
  expect(secrets.hide('client/a', { ClientName: 'web', ClientSecret: 's' })).toEqual({
    ClientName: 'web',
    ClientSecret: hashOf('client/a.ClientSecret', 's'),
  });
  const of = (pool: string, part: string) =>
    new Secrets(pool, key).hide(part, { ClientSecret: 's' })['ClientSecret'];
  const different = [of(poolId, 'client/a'), of(poolId, 'client/b'), of('eu-west-1_B', 'client/a')];
  expect(new Set(different).size).toBe(3);
});

test.each([
  ['ClientSecret', 'x'],
  ['ExternalId', 'x'],
  ['private_key', 'x'],
  ['apiKey', 'x'],
  ['SecretList', ['x', 'x']],
  ['Credentials', { user: 'x' }],
])('%s is hidden', (name, value) => {
  expect(JSON.stringify(secrets.hide('pool', { [name]: value }))).not.toContain('"x"');
});

test.each([
  ['https://idp.example.com/metadata?appid=1', true],
  ['arn:aws:lambda:us-east-1:111122223333:function:f', true],
  ['com.example.app:/callback', true],
  ['https://user:word@idp.example.com/', false],
  ['https://idp.example.com/metadata?access_token=1', false],
  ['https://idp.example.com/metadata?X-Amz-Signature=1', false],
])('the URL %s is shown: %s', (url, isShown) => {
  const { MetadataURL } = secrets.hide('provider/P', { MetadataURL: url });
  expect(MetadataURL === url).toBe(isShown);
});

test('of an identity provider, only details that are known to be public are shown', () => {
  const ProviderDetails = { client_id: 'id', client_secret: 's', a_new_field: 's', key_id: 'k' };
  expect(secrets.hide('provider/P', { ProviderDetails })).toEqual({
    ProviderDetails: {
      client_id: 'id',
      client_secret: hashOf('provider/P.ProviderDetails.client_secret', 's'),
      a_new_field: hashOf('provider/P.ProviderDetails.a_new_field', 's'),
      key_id: 'k',
    },
  });
});

test('values other than text stay, and so does an empty text', () => {
  const settings = {
    PasswordPolicy: { MinimumLength: 8, RequireSymbols: true },
    TokenValidityUnits: { AccessToken: 'hours' },
    ClientSecret: '',
    AllowedOAuthFlows: ['code'],
    Domain: null,
  };
  expect(secrets.hide('pool', settings)).toEqual(settings);
});
