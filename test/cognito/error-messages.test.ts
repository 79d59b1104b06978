import { describe, expect, test } from 'vitest';
import {
  CredentialsError,
  MalformedAnswerError,
  OperationNotEnabledError,
  ServiceUnavailableError,
} from '../../src/cognito/errors.ts';
import { ActionRequiredError, ResumableError } from '../../src/model/errors.ts';
import { callsOf, oneAnswerForEach, refusal } from './one-answer.ts';
import { never, openService, POOL, QUICK, rejection, serve } from './support.ts';

const one = oneAnswerForEach();
const { serial, members, groups, person, pool, pools } = callsOf(one);

test('a server that cannot be reached is named by its variables', async () => {
  await one.server.close();
  const error = await rejection(pool());
  expect(error).toBeInstanceOf(ServiceUnavailableError);
  expect(error.message).toMatch(/ECONNREFUSED.*AWS_ENDPOINT_URL/s);
});

test('the partition of the Arn is the one of the Region', async () => {
  one.answer = refusal('AccessDeniedException');
  for (const [region, partition] of [
    ['cn-north-1', 'aws-cn'],
    ['us-gov-west-1', 'aws-us-gov'],
  ] as const) {
    const other = openService(one.server.url, { region });
    const error = await rejection(other.cognito.describePool(`${region}_A`, never()));
    expect(error.message).toContain(
      `arn:${partition}:cognito-idp:${region}:*:userpool/${region}_A`,
    );
    await other.close();
  }
});

describe('OperationNotEnabledException', () => {
  test.each([
    ['ListUsers', serial],
    ['ListUsersInGroup', members],
    ['ListGroups', groups],
    ['DescribeUserPool', pool],
    ['AdminGetUser', person],
  ])('of %s stops at once, and names a recovery and the primary Region', async (name, call) => {
    one.answer = refusal('OperationNotEnabledException');
    const error = await rejection(call());
    expect(error).toBeInstanceOf(OperationNotEnabledError);
    expect(error).toBeInstanceOf(ResumableError);
    expect(error.message).toMatch(new RegExp(`^${name} of ${POOL}: .*not enabled in us-east-1`));
    expect(error.message).toMatch(/recovered, wait and run it again/);
    expect(error.message).toContain(`pools.${POOL}.region`);
    expect(one.server.requests).toHaveLength(1);
  });

  test('of ListUserPools names AWS_REGION', async () => {
    one.answer = refusal('OperationNotEnabledException');
    expect((await rejection(pools())).message).toMatch(/set AWS_REGION/);
  });
});

describe('a date of another form names its field', () => {
  const date = '2026-11-28T01:02:03Z';
  const arn = 'arn:aws:cognito-idp:us-east-1:123456789012:userpool/us-east-1_Simulated';
  test.each([
    ['CreationDate', pool, { UserPool: { Arn: arn, CreationDate: date } }],
    ['LastModifiedDate', pool, { UserPool: { Arn: arn, LastModifiedDate: date } }],
    ['CreationDate', pools, { UserPools: [{ Id: POOL, CreationDate: date }] }],
    ['UserCreateDate', person, { Username: 'a', UserCreateDate: date }],
    ['UserLastModifiedDate', serial, { Users: [{ Username: 'a', UserLastModifiedDate: date }] }],
    ['CreationDate', groups, { Groups: [{ GroupName: 'a', CreationDate: 1.7e12 }] }],
  ])('%s', async (field, call, body) => {
    one.answer = { body };
    const error = await rejection(call());
    expect(error).toBeInstanceOf(MalformedAnswerError);
    expect(error.message).toContain(`the ${field} must be a date`);
  });
});

test('an answer that drips ends after its time limit, and is requested again', async () => {
  const dripping = await serve((_, response) => {
    response.writeHead(200).write('{');
    const drip = setInterval(() => response.write(' '), 20);
    response.on('close', () => clearInterval(drip));
    return undefined;
  });
  const policy = { ...QUICK, attemptMs: 200, faults: 2 };
  const slow = openService(dripping.url, { retryPolicy: policy });
  try {
    const error = await rejection(slow.cognito.describePool(POOL, never()));
    expect(error).toBeInstanceOf(ServiceUnavailableError);
    expect(error.message).toMatch(/could not be reached \(.*ETIMEDOUT.*\)/);
    expect(dripping.requests).toHaveLength(3);
  } finally {
    await slow.close();
    await dripping.close();
  }
});

test('missing credentials are an ActionRequiredError with the variables to set', async () => {
  const saved = { ...process.env };
  for (const name of Object.keys(process.env))
    if (name.startsWith('AWS_')) delete process.env[name];
  const nowhere = '/nonexistent/aws';
  Object.assign(process.env, {
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: nowhere,
    AWS_SHARED_CREDENTIALS_FILE: nowhere,
    AWS_ENDPOINT_URL: one.server.url,
  });
  try {
    const { openCognito } = await import('../../src/cognito/client.ts');
    const cognito = openCognito({
      region: 'us-east-1',
      buckets: one.service.buckets,
      meter: one.service.meter,
    });
    const error = await rejection(cognito.describePool(POOL, never()));
    cognito.close();
    expect(error).toBeInstanceOf(CredentialsError);
    expect(error).toBeInstanceOf(ActionRequiredError);
    expect(error.message).toMatch(/AWS_PROFILE.*AWS_ACCESS_KEY_ID/s);
    expect(one.server.requests).toHaveLength(0);
  } finally {
    Object.assign(process.env, saved);
    for (const name of [
      'AWS_EC2_METADATA_DISABLED',
      'AWS_CONFIG_FILE',
      'AWS_SHARED_CREDENTIALS_FILE',
      'AWS_ENDPOINT_URL',
    ]) {
      if (!(name in saved)) delete process.env[name];
    }
  }
});
