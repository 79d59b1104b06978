import { type Call, findPool } from './call.ts';
import { attributesJson, commonUserJson, toSeconds } from './json.ts';
import { readPage } from './paging.ts';
import type { SimulatedPool } from './pool.ts';

/** The standard attributes in every pool's schema. */
const STANDARD_ATTRIBUTES = [
  'profile',
  'address',
  'birthdate',
  'gender',
  'preferred_username',
  'updated_at',
  'website',
  'picture',
  'identities',
  'sub',
  'phone_number',
  'phone_number_verified',
  'zoneinfo',
  'locale',
  'email',
  'email_verified',
  'given_name',
  'family_name',
  'middle_name',
  'name',
  'nickname',
] as const;

const STANDARD_TYPES: Readonly<Record<string, string>> = {
  updated_at: 'Number',
  email_verified: 'Boolean',
  phone_number_verified: 'Boolean',
};

/** True if the attribute is in the pool's schema. */
export function isInSchema(pool: SimulatedPool, name: string): boolean {
  return STANDARD_ATTRIBUTES.some((known) => known === name) || pool.customAttributes.has(name);
}

/** AdminGetUser: one user, by username or sub. */
export function adminGetUser(call: Call): string {
  const user = findPool(call).user(call.input.Username);
  const mfa =
    user.mfaOptions.length > 0
      ? ',"PreferredMfaSetting":"SMS_MFA","UserMFASettingList":["SMS_MFA"]'
      : '';
  return `{${commonUserJson(user)},"UserAttributes":${attributesJson(user)}${mfa}}`;
}

/** DescribeUserPool: the settings of a pool, its schema and its estimated number of users. */
export function describeUserPool(call: Call): string {
  const pool = findPool(call);
  const { settings } = pool;
  return JSON.stringify({
    UserPool: {
      Id: settings.id,
      Name: settings.name,
      Arn: settings.arn,
      CreationDate: toSeconds(settings.createdAt),
      LastModifiedDate: toSeconds(settings.createdAt),
      EstimatedNumberOfUsers: pool.estimatedUsers ?? pool.userCount,
      MfaConfiguration: settings.mfaConfiguration,
      DeletionProtection: 'ACTIVE',
      UsernameConfiguration: { CaseSensitive: true },
      AutoVerifiedAttributes: ['email'],
      UserPoolTags: {},
      UserPoolTier: 'ESSENTIALS',
      SchemaAttributes: listSchema(pool),
    },
  });
}

/** ListUserPools: the pools in the Region of the request, sorted by id. */
export function listUserPools(call: Call): string {
  const { pools } = call.services;
  const ids = [...pools.keys()]
    .filter((id) => pools.get(id)?.settings.region === call.region)
    .sort();
  const page = readPage<string>(call, {
    limit: call.input.MaxResults,
    token: call.input.NextToken,
    scope: [call.region],
    steps: function* (from) {
      for (const id of ids) if (id > String(from ?? '')) yield { item: id, after: id };
    },
    render: (id) => {
      const { name, createdAt } = (pools.get(id) as SimulatedPool).settings;
      return JSON.stringify({
        Id: id,
        Name: name,
        LambdaConfig: {},
        CreationDate: toSeconds(createdAt),
        LastModifiedDate: toSeconds(createdAt),
      });
    },
  });
  const token = page.token === undefined ? '' : `,"NextToken":"${page.token}"`;
  return `{"UserPools":${page.json}${token}}`;
}

function listSchema(pool: SimulatedPool): object[] {
  const standard = STANDARD_ATTRIBUTES.map((name) => ({
    Name: name,
    AttributeDataType: STANDARD_TYPES[name] ?? 'String',
    DeveloperOnlyAttribute: false,
    Mutable: name !== 'sub',
    Required: name === 'sub',
  }));
  const custom = [...pool.customAttributes].map((name) => ({
    Name: name,
    AttributeDataType: name === 'custom:seats' ? 'Number' : 'String',
    DeveloperOnlyAttribute: name.startsWith('dev:'),
    Mutable: true,
    Required: false,
  }));
  return [...standard, ...custom];
}
