import {
  AdminAddUserToGroupCommand,
  AdminCreateUserCommand,
  AdminGetUserCommand,
  AdminListGroupsForUserCommand,
  AdminUpdateUserAttributesCommand,
  CreateGroupCommand,
  DescribeUserPoolCommand,
  ListGroupsCommand,
  ListUserPoolsCommand,
  ListUsersCommand,
  ListUsersInGroupCommand,
  UpdateGroupCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { expect, test } from 'vitest';
import { failure, POOL, simulate } from './support.ts';

type Input = Record<string, unknown>;
type Case = readonly [
  name: string,
  command: new (input: never) => object,
  input: Input,
  ...constraints: string[],
];

const POOL_PATTERN = 'Member must satisfy regular expression pattern: [\\w-]+_[0-9a-zA-Z]+';
const NAME_PATTERN =
  'Member must satisfy regular expression pattern: [\\p{L}\\p{M}\\p{S}\\p{N}\\p{P}]+';
const TOKEN_PATTERN = 'Member must satisfy regular expression pattern: [\\S]+';
const NOT_NULL = 'Member must not be null';
const most = (n: number, of = 'length') => `Member must have ${of} less than or equal to ${n}`;
const least = (n: number, of = 'length') => `Member must have ${of} greater than or equal to ${n}`;
const at = (value: string, path: string, constraint: string) =>
  `Value ${value === '' ? '' : `${value} `}at '${path}' failed to satisfy constraint: ${constraint}`;
const long = (n: number) => 'x'.repeat(n);

const user = { UserPoolId: POOL, Username: 'someone' };
const group = { UserPoolId: POOL, GroupName: 'some' };

const CASES: readonly Case[] = [
  ['ListUsers', ListUsersCommand, {}, at('null', 'userPoolId', NOT_NULL)],
  ['ListUsers', ListUsersCommand, { UserPoolId: 'nope' }, at("'nope'", 'userPoolId', POOL_PATTERN)],
  [
    'ListUsers',
    ListUsersCommand,
    { UserPoolId: ' us-east-1_A' },
    at("' us-east-1_A'", 'userPoolId', POOL_PATTERN),
  ],
  [
    'ListUsers',
    ListUsersCommand,
    { UserPoolId: '' },
    at("''", 'userPoolId', least(1)),
    at("''", 'userPoolId', POOL_PATTERN),
  ],
  [
    'ListUsers',
    ListUsersCommand,
    { UserPoolId: `a_${long(54)}` },
    at(`'a_${long(54)}'`, 'userPoolId', most(55)),
  ],
  [
    'ListUsers',
    ListUsersCommand,
    { UserPoolId: POOL, Limit: 61 },
    at("'61'", 'limit', most(60, 'value')),
  ],
  [
    'ListUsers',
    ListUsersCommand,
    { UserPoolId: POOL, Limit: -1 },
    at("'-1'", 'limit', least(0, 'value')),
  ],
  [
    'ListUsers',
    ListUsersCommand,
    { UserPoolId: POOL, PaginationToken: 'a b' },
    at("'a b'", 'paginationToken', TOKEN_PATTERN),
  ],
  [
    'ListUsers',
    ListUsersCommand,
    { UserPoolId: POOL, PaginationToken: '' },
    at("''", 'paginationToken', least(1)),
    at("''", 'paginationToken', TOKEN_PATTERN),
  ],
  [
    'ListUsers',
    ListUsersCommand,
    { UserPoolId: POOL, Filter: `name = "${long(249)}"` },
    at(`'name = "${long(249)}"'`, 'filter', most(256)),
  ],
  [
    'ListUsers',
    ListUsersCommand,
    { UserPoolId: POOL, AttributesToGet: ['email', long(33)] },
    at(`'${long(33)}'`, 'attributesToGet.2.member', most(32)),
  ],
  [
    'ListUsers',
    ListUsersCommand,
    { UserPoolId: 'x', Limit: 100 },
    at("'x'", 'userPoolId', POOL_PATTERN),
    at("'100'", 'limit', most(60, 'value')),
  ],
  [
    'ListUsersInGroup',
    ListUsersInGroupCommand,
    { UserPoolId: POOL },
    at('null', 'groupName', NOT_NULL),
  ],
  [
    'ListUsersInGroup',
    ListUsersInGroupCommand,
    { UserPoolId: POOL, GroupName: 'a b' },
    at("'a b'", 'groupName', NAME_PATTERN),
  ],
  [
    'ListUsersInGroup',
    ListUsersInGroupCommand,
    { UserPoolId: POOL, GroupName: long(129) },
    at(`'${long(129)}'`, 'groupName', most(128)),
  ],
  [
    'ListUsersInGroup',
    ListUsersInGroupCommand,
    { ...group, Limit: 61 },
    at("'61'", 'limit', most(60, 'value')),
  ],
  [
    'ListUsersInGroup',
    ListUsersInGroupCommand,
    { ...group, NextToken: long(131_073) },
    at(`'${long(131_073)}'`, 'nextToken', most(131_072)),
  ],
  [
    'ListGroups',
    ListGroupsCommand,
    { UserPoolId: POOL, Limit: 61 },
    at("'61'", 'limit', most(60, 'value')),
  ],
  [
    'ListGroups',
    ListGroupsCommand,
    { UserPoolId: POOL, NextToken: ' ' },
    at("' '", 'nextToken', TOKEN_PATTERN),
  ],
  ['ListUserPools', ListUserPoolsCommand, {}, at('null', 'maxResults', NOT_NULL)],
  [
    'ListUserPools',
    ListUserPoolsCommand,
    { MaxResults: 0 },
    at("'0'", 'maxResults', least(1, 'value')),
  ],
  [
    'ListUserPools',
    ListUserPoolsCommand,
    { MaxResults: 61 },
    at("'61'", 'maxResults', most(60, 'value')),
  ],
  ['DescribeUserPool', DescribeUserPoolCommand, {}, at('null', 'userPoolId', NOT_NULL)],
  ['AdminGetUser', AdminGetUserCommand, { UserPoolId: POOL }, at('null', 'username', NOT_NULL)],
  // A user name is sensitive: the service does not repeat it.
  [
    'AdminGetUser',
    AdminGetUserCommand,
    { ...user, Username: 'a b' },
    at('', 'username', NAME_PATTERN),
  ],
  [
    'AdminGetUser',
    AdminGetUserCommand,
    { ...user, Username: long(129) },
    at('', 'username', most(128)),
  ],
  [
    'AdminListGroupsForUser',
    AdminListGroupsForUserCommand,
    { ...user, Limit: 61 },
    at("'61'", 'limit', most(60, 'value')),
  ],
  [
    'AdminCreateUser',
    AdminCreateUserCommand,
    { ...user, MessageAction: 'SHOUT' },
    at("'SHOUT'", 'messageAction', 'Member must satisfy enum value set: [RESEND, SUPPRESS]'),
  ],
  [
    'AdminCreateUser',
    AdminCreateUserCommand,
    { ...user, DesiredDeliveryMediums: ['SMS', 'PIGEON'] },
    at(
      "'PIGEON'",
      'desiredDeliveryMediums.2.member',
      'Member must satisfy enum value set: [SMS, EMAIL]',
    ),
  ],
  [
    'AdminUpdateUserAttributes',
    AdminUpdateUserAttributesCommand,
    user,
    at('null', 'userAttributes', NOT_NULL),
  ],
  [
    'AdminUpdateUserAttributes',
    AdminUpdateUserAttributesCommand,
    { ...user, UserAttributes: [{ Name: 'name', Value: long(2049) }, { Value: 'x' }] },
    at('', 'userAttributes.1.member.value', most(2048)),
    at('null', 'userAttributes.2.member.name', NOT_NULL),
  ],
  [
    'CreateGroup',
    CreateGroupCommand,
    { ...group, Precedence: -1 },
    at("'-1'", 'precedence', least(0, 'value')),
  ],
  [
    'CreateGroup',
    CreateGroupCommand,
    { ...group, Description: long(2049) },
    at(`'${long(2049)}'`, 'description', most(2048)),
  ],
  [
    'UpdateGroup',
    UpdateGroupCommand,
    { ...group, RoleArn: 'arn:aws:iam::1:r' },
    at("'arn:aws:iam::1:r'", 'roleArn', least(20)),
  ],
  [
    'AdminAddUserToGroup',
    AdminAddUserToGroupCommand,
    { UserPoolId: POOL },
    at('null', 'username', NOT_NULL),
    at('null', 'groupName', NOT_NULL),
  ],
];

test.each(CASES.map((each, index) => [index, ...each] as const))(
  'case %i: %s refuses input outside its constraints',
  async (_index, _name, Command, input, ...constraints) => {
    const { client } = await simulate();
    const error = await failure(client.send(new Command(input as never) as never));
    const noun = constraints.length === 1 ? 'error' : 'errors';
    expect(error).toMatchObject({
      name: 'InvalidParameterException',
      message: `${constraints.length} validation ${noun} detected: ${constraints.join('; ')}`,
      $metadata: { httpStatusCode: 400 },
    });
  },
);

test.each([
  { UserPoolId: POOL, Limit: 1.5 },
  { UserPoolId: POOL, Limit: 'ten' },
  { UserPoolId: 7 },
  { UserPoolId: POOL, AttributesToGet: 'email' },
])('a value of the wrong JSON type does not deserialize: %j', async (input) => {
  const { simulator } = await simulate();
  const response = await fetch(simulator.url, {
    method: 'POST',
    headers: {
      'X-Amz-Target': 'AWSCognitoIdentityProviderService.ListUsers',
      Authorization: 'AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/cognito-idp/aws4_request',
    },
    body: JSON.stringify(input),
  });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ __type: 'SerializationException' });
});

test('a null counts as absent', async () => {
  const { client } = await simulate();
  const input = { UserPoolId: POOL, Limit: null, PaginationToken: null, Filter: null } as never;
  expect((await client.send(new ListUsersCommand(input))).Users).toHaveLength(60);
});
