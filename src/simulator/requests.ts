import type { PasswordPolicy } from './records.ts';
import type { AttributeType } from './schema.ts';
import type { Field, Fields } from './validation.ts';

/**
 * The request fields of all simulated operations, with the constraints of the service's model
 * (cognito-idp 2016-04-18).
 */

const poolId: Field = {
  type: 'string',
  required: true,
  min: 1,
  max: 55,
  pattern: '[\\w-]+_[0-9a-zA-Z]+',
};
const name: Field = {
  type: 'string',
  required: true,
  min: 1,
  max: 128,
  pattern: '[\\p{L}\\p{M}\\p{S}\\p{N}\\p{P}]+',
};
const username: Field = { ...name, sensitive: true };
const limit: Field = { type: 'integer', min: 0, max: 60 };
const searchToken: Field = { type: 'string', min: 1, pattern: '[\\S]+' };
const nextToken: Field = { ...searchToken, max: 131_072 };
const attributeName: Field = {
  type: 'string',
  min: 1,
  max: 32,
  pattern: '[\\p{L}\\p{M}\\p{S}\\p{N}\\p{P}\\t\\n\\r ]+',
};
const attributeList: Field = {
  type: 'list',
  member: {
    type: 'structure',
    sensitive: true,
    fields: {
      Name: { ...attributeName, required: true },
      Value: { type: 'string', max: 2048, sensitive: true },
    },
  },
};
const clientMetadata: Field = { type: 'map' };
const groupFields: Fields = {
  GroupName: name,
  UserPoolId: poolId,
  Description: { type: 'string', max: 2048 },
  RoleArn: {
    type: 'string',
    min: 20,
    max: 2048,
    pattern:
      'arn:[\\w+=/,.@-]+:[\\w+=/,.@-]+:([\\w+=/,.@-]*)?:[0-9]+:[\\w+=/,.@-]+(:[\\w+=/,.@-]+)?(:[\\w+=/,.@-]+)?',
  },
  Precedence: { type: 'integer', min: 0 },
};
const password: Field = { type: 'string', max: 256, pattern: '[\\S]+', sensitive: true };
const arn: Field = { ...(groupFields.RoleArn as Field) };
const mfaSetting: Field = {
  type: 'structure',
  fields: { Enabled: { type: 'boolean' }, PreferredMfa: { type: 'boolean' } },
};
const providerName: Field = {
  type: 'string',
  min: 1,
  max: 32,
  pattern: '[\\p{L}\\p{M}\\p{S}\\p{N}\\p{P}]+',
};
const clientId: Field = { type: 'string', min: 1, max: 128, pattern: '[\\w+]+' };
const maxResults: Field = { type: 'integer', min: 1, max: 60 };
const provider: Field = {
  type: 'structure',
  required: true,
  fields: {
    ProviderName: providerName,
    ProviderAttributeName: { type: 'string', max: 131_072 },
    ProviderAttributeValue: { type: 'string', max: 131_072, sensitive: true },
  },
};
const addresses: Field = { type: 'string', values: ['phone_number', 'email'] };
const schemaAttribute: Field = {
  type: 'structure',
  fields: {
    Name: {
      type: 'string',
      required: true,
      min: 1,
      max: 20,
      pattern: '[\\p{L}\\p{M}\\p{S}\\p{N}\\p{P}]+',
    },
    AttributeDataType: { type: 'string', values: ['String', 'Number', 'DateTime', 'Boolean'] },
    DeveloperOnlyAttribute: { type: 'boolean' },
    Mutable: { type: 'boolean' },
    Required: { type: 'boolean' },
    NumberAttributeConstraints: {
      type: 'structure',
      fields: { MinValue: { type: 'string' }, MaxValue: { type: 'string' } },
    },
    StringAttributeConstraints: {
      type: 'structure',
      fields: { MinLength: { type: 'string' }, MaxLength: { type: 'string' } },
    },
  },
};
const passwordPolicy: Field = {
  type: 'structure',
  fields: {
    MinimumLength: { type: 'integer', min: 6, max: 99 },
    RequireUppercase: { type: 'boolean' },
    RequireLowercase: { type: 'boolean' },
    RequireNumbers: { type: 'boolean' },
    RequireSymbols: { type: 'boolean' },
    TemporaryPasswordValidityDays: { type: 'integer', min: 0, max: 365 },
  },
};
const userFields: Fields = { UserPoolId: poolId, Username: username };
const membershipFields: Fields = { ...userFields, GroupName: name };

export const REQUESTS = {
  ListUsers: {
    UserPoolId: poolId,
    AttributesToGet: { type: 'list', member: attributeName },
    Limit: limit,
    PaginationToken: searchToken,
    Filter: { type: 'string', max: 256 },
  },
  ListUsersInGroup: { UserPoolId: poolId, GroupName: name, Limit: limit, NextToken: nextToken },
  ListGroups: { UserPoolId: poolId, Limit: limit, NextToken: nextToken },
  ListUserPools: {
    NextToken: searchToken,
    MaxResults: { type: 'integer', required: true, min: 1, max: 60 },
  },
  DescribeUserPool: { UserPoolId: poolId },
  GetCSVHeader: { UserPoolId: poolId },
  AdminGetUser: userFields,
  AdminListGroupsForUser: { ...userFields, Limit: limit, NextToken: nextToken },
  AdminCreateUser: {
    ...userFields,
    UserAttributes: attributeList,
    ValidationData: attributeList,
    TemporaryPassword: password,
    ForceAliasCreation: { type: 'boolean' },
    MessageAction: { type: 'string', values: ['RESEND', 'SUPPRESS'] },
    DesiredDeliveryMediums: { type: 'list', member: { type: 'string', values: ['SMS', 'EMAIL'] } },
    ClientMetadata: clientMetadata,
  },
  AdminDeleteUser: userFields,
  AdminUpdateUserAttributes: {
    ...userFields,
    UserAttributes: { ...attributeList, required: true },
    ClientMetadata: clientMetadata,
  },
  AdminSetUserPassword: {
    ...userFields,
    Password: { ...password, required: true },
    Permanent: { type: 'boolean' },
  },
  AdminLinkProviderForUser: {
    UserPoolId: { type: 'string', required: true, max: 131_072 },
    DestinationUser: provider,
    SourceUser: provider,
  },
  AdminSetUserMFAPreference: {
    ...userFields,
    SMSMfaSettings: mfaSetting,
    SoftwareTokenMfaSettings: mfaSetting,
    EmailMfaSettings: mfaSetting,
  },
  AdminEnableUser: userFields,
  AdminDisableUser: userFields,
  CreateGroup: groupFields,
  UpdateGroup: groupFields,
  DeleteGroup: { GroupName: name, UserPoolId: poolId },
  AdminAddUserToGroup: membershipFields,
  AdminRemoveUserFromGroup: membershipFields,
  GetUserPoolMfaConfig: { UserPoolId: poolId },
  ListUserPoolClients: { UserPoolId: poolId, MaxResults: maxResults, NextToken: nextToken },
  DescribeUserPoolClient: { UserPoolId: poolId, ClientId: { ...clientId, required: true } },
  ListIdentityProviders: {
    UserPoolId: poolId,
    MaxResults: { type: 'integer', min: 0, max: 60 },
    NextToken: searchToken,
  },
  DescribeIdentityProvider: {
    UserPoolId: poolId,
    ProviderName: { ...providerName, required: true },
  },
  ListResourceServers: {
    UserPoolId: poolId,
    MaxResults: { type: 'integer', min: 1, max: 50 },
    NextToken: searchToken,
  },
  DescribeUserPoolDomain: {
    Domain: {
      type: 'string',
      required: true,
      min: 1,
      max: 63,
      pattern: '[a-z0-9](?:[a-z0-9\\-\\.]{0,61}[a-z0-9])?',
    },
  },
  GetUICustomization: { UserPoolId: poolId, ClientId: clientId },
  ListTagsForResource: { ResourceArn: { ...arn, required: true } },
  CreateUserPool: {
    PoolName: { type: 'string', required: true, min: 1, max: 128, pattern: '[\\w\\s+=,.@-]+' },
    Policies: { type: 'structure', fields: { PasswordPolicy: passwordPolicy } },
    LambdaConfig: {
      type: 'structure',
      fields: { PreSignUp: arn, CustomMessage: arn, PostConfirmation: arn, UserMigration: arn },
    },
    AliasAttributes: {
      type: 'list',
      member: { type: 'string', values: ['phone_number', 'email', 'preferred_username'] },
    },
    UsernameAttributes: { type: 'list', member: addresses },
    MfaConfiguration: { type: 'string', values: ['OFF', 'ON', 'OPTIONAL'] },
    Schema: { type: 'list', member: schemaAttribute },
    UserPoolTier: { type: 'string', values: ['LITE', 'ESSENTIALS', 'PLUS'] },
  },
} as const satisfies Record<string, Fields>;

/** An operation of the API. */
export type Operation = keyof typeof REQUESTS;

/** A request body after validation: the fields of its operation have the right types. */
export interface Input {
  readonly UserPoolId: string;
  readonly Username: string;
  readonly GroupName: string;
  readonly MaxResults?: number;
  readonly ClientId?: string;
  readonly ProviderName?: string;
  readonly Domain?: string;
  readonly ResourceArn?: string;
  readonly AttributesToGet?: readonly string[];
  readonly Limit?: number;
  readonly PaginationToken?: string;
  readonly NextToken?: string;
  readonly Filter?: string;
  readonly UserAttributes?: readonly { readonly Name: string; readonly Value?: string }[];
  readonly MessageAction?: 'RESEND' | 'SUPPRESS';
  readonly Description?: string;
  readonly RoleArn?: string;
  readonly Precedence?: number;
  readonly TemporaryPassword?: string;
  readonly Password?: string;
  readonly Permanent?: boolean;
  readonly DestinationUser?: ProviderInput;
  readonly SourceUser?: ProviderInput;
  readonly SMSMfaSettings?: MfaSetting;
  readonly SoftwareTokenMfaSettings?: MfaSetting;
  readonly EmailMfaSettings?: MfaSetting;
  readonly PoolName?: string;
  readonly Policies?: { readonly PasswordPolicy?: Partial<PasswordPolicy> };
  readonly LambdaConfig?: Readonly<Record<string, string>>;
  readonly AliasAttributes?: readonly string[];
  readonly UsernameAttributes?: readonly string[];
  readonly MfaConfiguration?: string;
  readonly Schema?: readonly SchemaInput[];
  readonly UserPoolTier?: string;
}

interface ProviderInput {
  readonly ProviderName?: string;
  readonly ProviderAttributeValue?: string;
}

/** Whether a second factor is on, and whether it is the one to ask for first. */
export interface MfaSetting {
  readonly Enabled?: boolean;
  readonly PreferredMfa?: boolean;
}

/** An attribute of a new pool's schema. Limits are texts. */
export interface SchemaInput {
  readonly Name: string;
  readonly AttributeDataType?: AttributeType;
  readonly DeveloperOnlyAttribute?: boolean;
  readonly Mutable?: boolean;
  readonly Required?: boolean;
  readonly NumberAttributeConstraints?: { readonly MinValue?: string; readonly MaxValue?: string };
  readonly StringAttributeConstraints?: {
    readonly MinLength?: string;
    readonly MaxLength?: string;
  };
}
