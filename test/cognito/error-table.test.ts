import { describe, expect, test } from 'vitest';
import {
  CredentialsError,
  FilterRefusedError,
  MalformedAnswerError,
  NotAuthorizedError,
  RefusedRequestError,
  ResourceNotFoundError,
  ServiceUnavailableError,
  TokenRefusedError,
} from '../../src/cognito/errors.ts';
import { ResumableError } from '../../src/model/errors.ts';
import { callsOf, oneAnswerForEach, refusal, SECRETS } from './one-answer.ts';
import { type HandMade, openService, QUICK, rejection } from './support.ts';

const one = oneAnswerForEach();
const { serial, shard, resumed, members, groups, person, pool, pools } = callsOf(one);

/** Every error of the service and its front end: the call, what comes back, and what to do. */
const STOPS: [string, () => Promise<unknown>, HandMade, unknown, RegExp][] = [
  [
    'no right to ListUsers',
    serial,
    refusal('NotAuthorizedException'),
    NotAuthorizedError,
    /cognito-idp:ListUsers on arn:aws:cognito-idp:us-east-1:\*:userpool\/us-east-1_Simulated/,
  ],
  [
    'no right to ListUsersInGroup',
    members,
    refusal('AccessDeniedException'),
    NotAuthorizedError,
    /cognito-idp:ListUsersInGroup on/,
  ],
  [
    'no right to ListGroups',
    groups,
    refusal('AccessDeniedException'),
    NotAuthorizedError,
    /cognito-idp:ListGroups on/,
  ],
  [
    'no right to DescribeUserPool',
    pool,
    refusal('AccessDeniedException'),
    NotAuthorizedError,
    /cognito-idp:DescribeUserPool on/,
  ],
  [
    'no right to AdminGetUser',
    person,
    refusal('AccessDeniedException'),
    NotAuthorizedError,
    /cognito-idp:AdminGetUser on/,
  ],
  [
    'no right to ListUserPools',
    pools,
    refusal('AccessDeniedException'),
    NotAuthorizedError,
    /cognito-idp:ListUserPools on \*/,
  ],
  [
    'no such pool',
    pool,
    refusal('ResourceNotFoundException'),
    ResourceNotFoundError,
    /the pool does not exist in us-east-1/,
  ],
  [
    'no such group',
    members,
    refusal('ResourceNotFoundException'),
    ResourceNotFoundError,
    /the pool or the group/,
  ],
  [
    'a refused token',
    resumed,
    refusal('InvalidParameterException'),
    TokenRefusedError,
    /must start again/,
  ],
  [
    'a refused shard',
    shard,
    refusal('InvalidParameterException'),
    FilterRefusedError,
    /in a single chain/,
  ],
  [
    'a refused parameter',
    serial,
    refusal('InvalidParameterException'),
    RefusedRequestError,
    /Check the pool id/,
  ],
  ['expired credentials', serial, refusal('ExpiredTokenException'), CredentialsError, /Renew them/],
  [
    'unknown credentials',
    serial,
    refusal('UnrecognizedClientException'),
    CredentialsError,
    /AWS_ACCESS_KEY_ID/,
  ],
  [
    'an invalid key',
    serial,
    refusal('InvalidClientTokenId', 403),
    CredentialsError,
    /AWS_ACCESS_KEY_ID/,
  ],
  ['a wrong signature', serial, refusal('InvalidSignatureException'), CredentialsError, /clock/],
  [
    'a mismatched signature',
    serial,
    refusal('SignatureDoesNotMatch', 403),
    CredentialsError,
    /clock/,
  ],
  [
    'an incomplete signature',
    serial,
    refusal('IncompleteSignatureException'),
    CredentialsError,
    /AWS_PROFILE/,
  ],
  [
    'no signature',
    serial,
    refusal('MissingAuthenticationTokenException', 403),
    CredentialsError,
    /AWS_PROFILE/,
  ],
  ['a wrong clock', serial, refusal('RequestExpired'), CredentialsError, /clock/],
  [
    'another server',
    serial,
    refusal('UnknownOperationException'),
    RefusedRequestError,
    /AWS_ENDPOINT_URL/,
  ],
  [
    'an undocumented error',
    pool,
    refusal('UserPoolTaggingException'),
    ResumableError,
    /UserPoolTaggingException/,
  ],
  ['a redirection', serial, { status: 301 }, ResumableError, /HTTP 301/],
];

describe('stops at once with a remedy on', () => {
  test.each(STOPS)('%s', async (_, call, given, type, says) => {
    one.answer = given;
    const error = await rejection(call());
    expect(error).toBeInstanceOf(type);
    expect(error.message).toMatch(says);
    expect(one.server.requests).toHaveLength(1);
    expect(one.service.meter.counts).toEqual({ apiCalls: 1, throttled: 0, retries: 0 });
  });
});

const RETRIES: [string, HandMade | 'drop', unknown, RegExp][] = [
  [
    'an internal error',
    refusal('InternalErrorException', 500),
    ServiceUnavailableError,
    /InternalErrorException, HTTP 500, request request-1/,
  ],
  ['an internal failure', refusal('InternalFailure', 500), ServiceUnavailableError, /later/],
  [
    'an unavailable service',
    refusal('ServiceUnavailableException', 503),
    ServiceUnavailableError,
    /later/,
  ],
  ['any status of 500 and over', { status: 502 }, ServiceUnavailableError, /HTTP 502/],
  [
    'a page of a proxy',
    { status: 503, body: '<html>jane@example.com' },
    ServiceUnavailableError,
    /HTTP 503/,
  ],
  ['a dropped connection', 'drop', ServiceUnavailableError, /could not be reached \(ECONNRESET\)/],
  [
    'an answer that is not JSON',
    { body: '<html>jane@example.com' },
    MalformedAnswerError,
    /HTTP 200/,
  ],
  [
    'a date that is none',
    { body: { Users: [{ Username: 'a', UserCreateDate: 'jane@example.com' }] } },
    MalformedAnswerError,
    /UserCreateDate/,
  ],
  ['an empty answer', { body: '' }, MalformedAnswerError, /lacks its list of items/],
  ['an answer without its list', { body: {} }, MalformedAnswerError, /lacks its list of items/],
  [
    'a list of nothing',
    { body: { Users: [null] } },
    MalformedAnswerError,
    /lacks its list of items/,
  ],
  [
    'a user without a name',
    { body: { Users: [{ Enabled: true }] } },
    MalformedAnswerError,
    /username/,
  ],
];

describe('tries eight times more, then says that it can be run again, on', () => {
  test.each(RETRIES)('%s', async (_, given, type, says) => {
    one.answer = given;
    const error = await rejection(serial());
    expect(error).toBeInstanceOf(type);
    expect(error).toBeInstanceOf(ResumableError);
    expect(error.message).toMatch(says);
    expect(one.server.requests).toHaveLength(9);
    expect(one.service.meter.counts).toEqual({ apiCalls: 9, throttled: 0, retries: 8 });
  });
});

const THROTTLES: [string, HandMade][] = [
  ['TooManyRequestsException', refusal('TooManyRequestsException')],
  ['ThrottlingException of the front end', refusal('com.amazon.coral#ThrottlingException')],
  ['Throttling', refusal('Throttling')],
  ['RequestLimitExceeded', refusal('RequestLimitExceeded')],
  ['LimitExceededException', refusal('LimitExceededException')],
  ['SlowDown', refusal('SlowDown', 503)],
  ['HTTP 429', { status: 429 }],
];

describe('counts as throttling, which is waited out for as long as the policy says,', () => {
  test.each(THROTTLES)('%s', async (_, given) => {
    one.answer = given;
    const error = await rejection(serial());
    expect(error).toBeInstanceOf(ServiceUnavailableError);
    expect(error.message).toMatch(/kept throttling.*MIRROR_QUOTA_SHARE/s);
    const { apiCalls, throttled } = one.service.meter.counts;
    expect(throttled).toBe(apiCalls);
    expect(apiCalls).toBeGreaterThan(1);
  });
});

test('a user that does not exist is null, not an error', async () => {
  one.answer = refusal('UserNotFoundException');
  await expect(person()).resolves.toBeNull();
  expect(one.server.requests).toHaveLength(1);
});

test('no error repeats names, tokens or values that the service quotes, also not in its cause', async () => {
  await one.service.close();
  one.service = openService(one.server.url, { retryPolicy: { ...QUICK, faults: 0 } });
  const calls = [serial, shard, resumed, members];
  const answers = [...STOPS.map((row) => row[2]), ...RETRIES.map((row) => row[1])];
  for (const given of answers) {
    one.answer = given;
    for (const call of calls) {
      const error = await rejection(call());
      for (let at: unknown = error; at instanceof Error; at = at.cause) {
        for (const secret of SECRETS) {
          expect(at.message).not.toContain(secret);
          expect(JSON.stringify(at)).not.toContain(secret);
        }
      }
    }
  }
});

test.each(['constructor', '__proto__', 'toString', 'hasOwnProperty', 'valueOf'])(
  'an error of the type %s is an unknown error',
  async (type) => {
    one.answer = refusal(type);
    const error = await rejection(serial());
    expect(error).toBeInstanceOf(ResumableError);
    expect(error.message).toMatch(/not documented for this call/);
    expect(one.server.requests).toHaveLength(1);
  },
);
