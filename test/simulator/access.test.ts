import {
  AdminGetUserCommand,
  CognitoIdentityProviderClient,
  DescribeUserPoolCommand,
  ListGroupsCommand,
  ListUserPoolsCommand,
  ListUsersCommand,
  ListUsersInGroupCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { expect, onTestFinished, test, vi } from 'vitest';
import { clientOf, failure, POOL, simulate } from './support.ts';

const SIGNED = {
  'X-Amz-Target': 'AWSCognitoIdentityProviderService.ListUsers',
  Authorization:
    'AWS4-HMAC-SHA256 Credential=key/20261120/us-east-1/cognito-idp/aws4_request, SignedHeaders=host, Signature=0',
};

const CALLS = [
  ['ListUsers', () => new ListUsersCommand({ UserPoolId: POOL })],
  [
    'ListUsersInGroup',
    () => new ListUsersInGroupCommand({ UserPoolId: POOL, GroupName: 'everyone' }),
  ],
  ['ListGroups', () => new ListGroupsCommand({ UserPoolId: POOL })],
  ['DescribeUserPool', () => new DescribeUserPoolCommand({ UserPoolId: POOL })],
  ['AdminGetUser', () => new AdminGetUserCommand({ UserPoolId: POOL, Username: 'nobody' })],
] as const;

test('a response has the wire format of the service', async () => {
  const { simulator } = await simulate();
  const body = JSON.stringify({ UserPoolId: POOL, Limit: 1 });
  const response = await fetch(simulator.url, { method: 'POST', headers: SIGNED, body });
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('application/x-amz-json-1.1');
  expect(response.headers.get('x-amzn-requestid')).toMatch(/^[0-9a-f-]{36}$/);
  const text = await response.text();
  expect(text).toMatch(/"UserCreateDate":\d{10}\.\d{3},/);
});

test("the SDK's standard variable points it to the simulator", async () => {
  const { simulator } = await simulate();
  vi.stubEnv('AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER', simulator.url);
  const credentials = { accessKeyId: 'any', secretAccessKey: 'any' };
  const client = new CognitoIdentityProviderClient({ region: 'us-east-1', credentials });
  onTestFinished(() => {
    client.destroy();
    vi.unstubAllEnvs();
  });
  expect((await client.send(new ListUsersCommand({ UserPoolId: POOL }))).Users).toHaveLength(60);
  expect(simulator.attempts.total).toBe(1);
});

test('an error has the wire format of the service', async () => {
  const { simulator } = await simulate();
  const body = JSON.stringify({ UserPoolId: 'us-east-1_None' });
  const response = await fetch(simulator.url, { method: 'POST', headers: SIGNED, body });
  expect(response.status).toBe(400);
  expect(response.headers.get('x-amzn-errortype')).toBe('ResourceNotFoundException:');
  expect(response.headers.get('x-amzn-requestid')).toMatch(/^[0-9a-f-]{36}$/);
  expect(await response.json()).toEqual({
    __type: 'ResourceNotFoundException',
    message: 'User pool us-east-1_None does not exist.',
  });
});

test.each([
  ['without a signature', { Authorization: '' }, 'MissingAuthenticationTokenException'],
  ['with another kind of one', { Authorization: 'Bearer x' }, 'IncompleteSignatureException'],
  [
    'for an unknown operation',
    { 'X-Amz-Target': 'AWSCognitoIdentityProviderService.No' },
    'UnknownOperationException',
  ],
  ['for no operation', { 'X-Amz-Target': '' }, 'UnknownOperationException'],
  [
    'for a name that every JavaScript object has',
    { 'X-Amz-Target': 'AWSCognitoIdentityProviderService.toString' },
    'UnknownOperationException',
  ],
])('a request %s is refused', async (_, headers, type) => {
  const { simulator } = await simulate();
  const init = { method: 'POST', headers: { ...SIGNED, ...headers }, body: '{}' };
  const response = await fetch(simulator.url, init);
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ __type: type });
});

test.each(['{', '[]', '"text"', '7'])('the body %s fails to deserialize', async (body) => {
  const { simulator } = await simulate();
  const response = await fetch(simulator.url, { method: 'POST', headers: SIGNED, body });
  expect(await response.json()).toMatchObject({ __type: 'SerializationException' });
});

test('a request that is too long is refused', async () => {
  const { simulator } = await simulate();
  const init = { method: 'POST', headers: SIGNED, body: 'x'.repeat(3_000_000) };
  const response = await fetch(simulator.url, init);
  expect(response.status).toBe(413);
  expect(simulator.attempts.entries()).toMatchObject([{ outcome: 'error' }]);
});

test('any access key is accepted unless the known ones are named', async () => {
  const { simulator, client } = await simulate({ accessKeys: ['known'] });
  const error = await failure(client.send(new ListUserPoolsCommand({ MaxResults: 1 })));
  expect(error.name).toBe('UnrecognizedClientException');
  const known = clientOf(simulator, 'us-east-1', 'known');
  expect((await known.send(new ListUserPoolsCommand({ MaxResults: 1 }))).UserPools).toHaveLength(1);
  known.destroy();
});

test('a pool in another Region than that of the signature is not found', async () => {
  const { simulator } = await simulate();
  const elsewhere = clientOf(simulator, 'eu-west-1');
  for (const [, command] of CALLS) {
    expect(await failure(elsewhere.send(command() as never))).toMatchObject({
      name: 'ResourceNotFoundException',
      message: `User pool ${POOL} does not exist.`,
    });
  }
  elsewhere.destroy();
});

test.each(CALLS)('%s can be denied with the error of IAM', async (operation, command) => {
  const { client } = await simulate({
    deny: { [operation]: 'AccessDeniedException' },
    account: '111122223333',
  });
  const error = await failure(client.send(command() as never));
  expect(error).toMatchObject({
    name: 'AccessDeniedException',
    $metadata: { httpStatusCode: 400 },
  });
  expect(error.message).toBe(
    `User: arn:aws:iam::111122223333:user/simulated is not authorized to perform: cognito-idp:${operation} on resource: arn:aws:cognito-idp:us-east-1:111122223333:userpool/${POOL} because no identity-based policy allows the cognito-idp:${operation} action`,
  );
});

test.each(CALLS)('%s can return all five errors of its model', async (operation, command) => {
  const { simulator, client } = await simulate();
  const call = () => failure(client.send(command() as never));
  simulator.denied.set(operation, 'NotAuthorizedException');
  expect((await call()).name).toBe('NotAuthorizedException');
  simulator.denied.clear();
  simulator.faults.set({ throttle: 1 });
  expect(await call()).toMatchObject({
    name: 'TooManyRequestsException',
    message: 'Rate exceeded',
  });
  simulator.faults.set({ 'internal-error': 1 });
  expect(await call()).toMatchObject({
    name: 'InternalErrorException',
    $metadata: { httpStatusCode: 500 },
  });
  simulator.faults.set({});
  const wrong = command();
  wrong.input.UserPoolId = 'us-east-1_None';
  expect((await failure(client.send(wrong as never))).name).toBe('ResourceNotFoundException');
  wrong.input.UserPoolId = '?';
  expect((await failure(client.send(wrong as never))).name).toBe('InvalidParameterException');
});

test('the denial of an operation does not affect others', async () => {
  const { client } = await simulate({ deny: { ListUsers: 'AccessDeniedException' } });
  expect((await failure(client.send(new ListUsersCommand({ UserPoolId: POOL })))).name).toBe(
    'AccessDeniedException',
  );
  expect((await client.send(new ListGroupsCommand({ UserPoolId: POOL }))).Groups).toHaveLength(12);
});

test('a group that does not exist is not found', async () => {
  const { client } = await simulate();
  const command = new ListUsersInGroupCommand({ UserPoolId: POOL, GroupName: 'none' });
  expect(await failure(client.send(command))).toMatchObject({
    name: 'ResourceNotFoundException',
    message: 'Group not found.',
  });
});
