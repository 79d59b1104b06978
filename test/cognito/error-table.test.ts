import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  CredentialsError,
  FilterRefusedError,
  MalformedAnswerError,
  NotAuthorizedError,
  OperationNotEnabledError,
  RefusedRequestError,
  ResourceNotFoundError,
  ServiceUnavailableError,
  TokenRefusedError,
} from '../../src/cognito/errors.ts';
import { ConfigurationError, ResumableError } from '../../src/model/errors.ts';
import {
  collect,
  type HandMade,
  type HandMadeServer,
  never,
  openService,
  POOL,
  QUICK,
  rejection,
  serve,
  type TestService,
} from './support.ts';

const SECRETS = ['token-of-a-page', 'jane@example.com', 'The Group'];
let answer: HandMade | 'drop';
let server: HandMadeServer;
let service: TestService;

beforeEach(async () => {
  server = await serve((_, response) => {
    if (answer !== 'drop') return answer;
    response.destroy();
    return undefined;
  });
  service = openService(server.url, { retryPolicy: { ...QUICK, throttledForMs: 300 } });
});
afterEach(async () => {
  await service.close();
  await server.close();
});

/** An error of the service, whose message quotes what must not be repeated. */
function refusal(type: string, status = 400): HandMade {
  return { status, body: { __type: type, message: `No: ${SECRETS.join(' ')}` } };
}

const serial = () => collect(service.cognito.userPages(POOL, '', { token: null }, never()));
const shard = () => collect(service.cognito.userPages(POOL, 'a4', { token: null }, never()));
const resumed = () =>
  collect(service.cognito.userPages(POOL, 'a4', { token: 'token-of-a-page' }, never()));
const members = () =>
  collect(service.cognito.memberPages(POOL, 'The Group', { token: null }, never()));
const groups = () => collect(service.cognito.groupPages(POOL, { token: null }, never()));
const person = () => service.cognito.getUser(POOL, 'jane@example.com', never());
const pool = () => service.cognito.describePool(POOL, never());
const pools = () => collect(service.cognito.listPoolIds(never()));

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
    /in one chain/,
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

describe('stops at once, and says what to do, on', () => {
  test.each(STOPS)('%s', async (_, call, given, type, says) => {
    answer = given;
    const error = await rejection(call());
    expect(error).toBeInstanceOf(type);
    expect(error.message).toMatch(says);
    expect(server.requests).toHaveLength(1);
    expect(service.meter.counts).toEqual({ apiCalls: 1, throttled: 0, retries: 0 });
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
    'an answer that is no JSON',
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
  ['an empty answer', { body: '' }, MalformedAnswerError, /no list of items/],
  ['an answer without its list', { body: {} }, MalformedAnswerError, /no list of items/],
  ['a list of nothing', { body: { Users: [null] } }, MalformedAnswerError, /no list of items/],
  [
    'a user without a name',
    { body: { Users: [{ Enabled: true }] } },
    MalformedAnswerError,
    /username/,
  ],
];

describe('tries eight times more, then says that it can be run again, on', () => {
  test.each(RETRIES)('%s', async (_, given, type, says) => {
    answer = given;
    const error = await rejection(serial());
    expect(error).toBeInstanceOf(type);
    expect(error).toBeInstanceOf(ResumableError);
    expect(error.message).toMatch(says);
    expect(server.requests).toHaveLength(9);
    expect(service.meter.counts).toEqual({ apiCalls: 9, throttled: 0, retries: 8 });
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
    answer = given;
    const error = await rejection(serial());
    expect(error).toBeInstanceOf(ServiceUnavailableError);
    expect(error.message).toMatch(/kept throttling.*MIRROR_QUOTA_SHARE/s);
    const { apiCalls, throttled } = service.meter.counts;
    expect(throttled).toBe(apiCalls);
    expect(apiCalls).toBeGreaterThan(1);
  });
});

test('nobody is null, not an error', async () => {
  answer = refusal('UserNotFoundException');
  await expect(person()).resolves.toBeNull();
  expect(server.requests).toHaveLength(1);
});

test('a server that cannot be reached is named by its variables', async () => {
  await server.close();
  const error = await rejection(pool());
  expect(error).toBeInstanceOf(ServiceUnavailableError);
  expect(error.message).toMatch(/ECONNREFUSED.*AWS_ENDPOINT_URL/s);
});

test('no error repeats what the service quotes: names, tokens, values, nor has it as a cause', async () => {
  await service.close();
  service = openService(server.url, { retryPolicy: { ...QUICK, faults: 0 } });
  const calls = [serial, shard, resumed, members];
  const answers = [...STOPS.map((row) => row[2]), ...RETRIES.map((row) => row[1])];
  for (const given of answers) {
    answer = given;
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

test('the partition of the Arn is the one of the Region', async () => {
  answer = refusal('AccessDeniedException');
  for (const [region, partition] of [
    ['cn-north-1', 'aws-cn'],
    ['us-gov-west-1', 'aws-us-gov'],
  ] as const) {
    const other = openService(server.url, { region });
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
    answer = refusal('OperationNotEnabledException');
    const error = await rejection(call());
    expect(error).toBeInstanceOf(OperationNotEnabledError);
    expect(error).toBeInstanceOf(ResumableError);
    expect(error.message).toMatch(new RegExp(`^${name} of ${POOL}: .*not enabled in us-east-1`));
    expect(error.message).toMatch(/recovered, wait and run it again/);
    expect(error.message).toContain(`pools.${POOL}.region`);
    expect(server.requests).toHaveLength(1);
  });

  test('of ListUserPools names AWS_REGION', async () => {
    answer = refusal('OperationNotEnabledException');
    expect((await rejection(pools())).message).toMatch(/set AWS_REGION/);
  });
});

test.each(['constructor', '__proto__', 'toString', 'hasOwnProperty', 'valueOf'])(
  'an error of the type %s is an unknown error',
  async (type) => {
    answer = refusal(type);
    const error = await rejection(serial());
    expect(error).toBeInstanceOf(ResumableError);
    expect(error.message).toMatch(/not documented for this call/);
    expect(server.requests).toHaveLength(1);
  },
);

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
    answer = { body };
    const error = await rejection(call());
    expect(error).toBeInstanceOf(MalformedAnswerError);
    expect(error.message).toContain(`the ${field} must be a date`);
  });
});

test('an answer that drips is given up after its time, and asked for again', async () => {
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

test('missing credentials are a matter of configuration, with what to set', async () => {
  const saved = { ...process.env };
  for (const name of Object.keys(process.env))
    if (name.startsWith('AWS_')) delete process.env[name];
  const nowhere = '/nonexistent/aws';
  Object.assign(process.env, {
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: nowhere,
    AWS_SHARED_CREDENTIALS_FILE: nowhere,
    AWS_ENDPOINT_URL: server.url,
  });
  try {
    const { openCognito } = await import('../../src/cognito/client.ts');
    const cognito = openCognito({
      region: 'us-east-1',
      buckets: service.buckets,
      meter: service.meter,
    });
    const error = await rejection(cognito.describePool(POOL, never()));
    cognito.close();
    expect(error).toBeInstanceOf(CredentialsError);
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error.message).toMatch(/AWS_PROFILE.*AWS_ACCESS_KEY_ID/s);
    expect(server.requests).toHaveLength(0);
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
