import { type Call, findPool } from './call.ts';
import { attributesJson, commonUserJson, toSeconds } from './json.ts';
import { readPage } from './paging.ts';
import type { SimulatedPool } from './pool.ts';
import { schemaJson } from './schema.ts';

/** AdminGetUser: one user, by username or sub. */
export function adminGetUser(call: Call): string {
  const user = findPool(call).user(call.input.Username);
  const mfa =
    user.mfaSettings.length > 0 ? `,"UserMFASettingList":${JSON.stringify(user.mfaSettings)}` : '';
  const preferred =
    user.preferredMfa === null ? '' : `,"PreferredMfaSetting":"${user.preferredMfa}"`;
  return `{${commonUserJson(user)},"UserAttributes":${attributesJson(user)}${mfa}${preferred}}`;
}

/** DescribeUserPool: the settings of a pool, its schema and its estimated number of users. */
export function describeUserPool(call: Call): string {
  return JSON.stringify({ UserPool: describePool(findPool(call)) });
}

/** GetCSVHeader: the columns of an import job, which are the attributes that a person can have. */
export function getCsvHeader(call: Call): string {
  const { settings } = findPool(call);
  const attributes = [...settings.schema.keys()].filter(
    (name) => name !== 'sub' && name !== 'identities',
  );
  const header = [...attributes, 'cognito:mfa_enabled', 'cognito:username'];
  return JSON.stringify({ UserPoolId: settings.id, CSVHeader: header });
}

/** A pool in the form of DescribeUserPool and CreateUserPool. */
export function describePool(pool: SimulatedPool): object {
  const { settings, configuration } = pool;
  const domain = configuration.domain?.['Domain'];
  return {
    ...configuration.pool,
    ...(domain === undefined ? {} : { Domain: domain }),
    Id: settings.id,
    Name: settings.name,
    Arn: settings.arn,
    CreationDate: toSeconds(settings.createdAt),
    LastModifiedDate: toSeconds(settings.createdAt),
    EstimatedNumberOfUsers: pool.estimatedUsers ?? pool.userCount,
    Policies: { PasswordPolicy: settings.passwordPolicy },
    MfaConfiguration: settings.mfaConfiguration,
    DeletionProtection: 'ACTIVE',
    LambdaConfig: settings.triggers,
    UsernameConfiguration: { CaseSensitive: true },
    ...(settings.usernameAttributes.length > 0
      ? { UsernameAttributes: settings.usernameAttributes }
      : {}),
    ...(settings.aliasAttributes.length > 0 ? { AliasAttributes: settings.aliasAttributes } : {}),
    AutoVerifiedAttributes: ['email'],
    UserPoolTags: Object.fromEntries(configuration.tags),
    UserPoolTier: settings.tier,
    SchemaAttributes: schemaJson(settings.schema),
  };
}

/** ListUserPools: the pools in the Region of the request, sorted by id. */
export function listUserPools(call: Call): string {
  const { pools } = call.services;
  const ids = [...pools.keys()]
    .filter((id) => pools.get(id)?.settings.region === call.region)
    .sort();
  const page = readPage<string>(call, {
    limit: call.input.MaxResults as number,
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
