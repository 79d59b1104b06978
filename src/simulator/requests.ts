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
  AdminGetUser: userFields,
  AdminListGroupsForUser: { ...userFields, Limit: limit, NextToken: nextToken },
  AdminCreateUser: {
    ...userFields,
    UserAttributes: attributeList,
    ValidationData: attributeList,
    TemporaryPassword: { type: 'string', max: 256, pattern: '[\\S]+', sensitive: true },
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
  AdminEnableUser: userFields,
  AdminDisableUser: userFields,
  CreateGroup: groupFields,
  UpdateGroup: groupFields,
  DeleteGroup: { GroupName: name, UserPoolId: poolId },
  AdminAddUserToGroup: membershipFields,
  AdminRemoveUserFromGroup: membershipFields,
} as const satisfies Record<string, Fields>;

/** An operation of the API. */
export type Operation = keyof typeof REQUESTS;

/** A request body after validation: the fields of its operation have the right types. */
export interface Input {
  readonly UserPoolId: string;
  readonly Username: string;
  readonly GroupName: string;
  readonly MaxResults: number;
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
}
