import { afterEach, describe, expect, test } from 'vitest';
import { MalformedAnswerError } from '../../src/cognito/errors.ts';
import {
  collect,
  type HandMadeServer,
  itemsOf,
  never,
  openService,
  POOL,
  rejection,
  serve,
} from '../cognito/support.ts';
import fc from '../support/fast-check.ts';
import { openTestMirror } from '../support/mirror.ts';
import { anyText } from './odd-text.ts';

/** What no message may hold. */
const SECRET = 's3cret';

const others = <T>(values: fc.Arbitrary<T>) => values as fc.Arbitrary<unknown>;
const object = fc.oneof(
  fc.constantFrom<unknown>({}, [], { toString: 1, valueOf: 1 }),
  fc.dictionary(fc.string(), fc.constant(SECRET), { minKeys: 1 }),
  fc.array(fc.constant(SECRET), { minLength: 1 }),
);
const text = anyText.map((value) => `${value}${SECRET}`);
const number = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer());
const noText = fc.oneof(others(object), number, fc.boolean());
const noFlag = fc.oneof(others(object), text, number);
const noDate = fc.oneof(
  others(object),
  text,
  fc.boolean(),
  fc.constantFrom(1e300, -1e300, 8.64e12 + 1, 253_402_300_800, -62_135_596_801),
);
const noList = fc.oneof(
  others(text),
  number,
  fc.boolean(),
  fc.constantFrom<unknown>({}, [null], [SECRET], [1], [[], 'x']),
);
const noName = fc.oneof(
  noText,
  fc.constantFrom<unknown>(null, undefined, '', 'x'.repeat(1_025), '\0'.repeat(171)),
);
const noInteger = fc.oneof(
  others(object),
  text,
  fc.boolean(),
  fc.constantFrom(0.5, 2 ** 31, -(2 ** 31) - 1, 1e300),
);

/** A field of an item, and what it cannot be. */
const USER_FIELDS: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  Username: noName,
  UserStatus: noText,
  Enabled: noFlag,
  UserCreateDate: noDate,
  UserLastModifiedDate: noDate,
  Attributes: fc.oneof(
    noList,
    noText.map((Name) => [{ Name, Value: SECRET }]),
    fc.constant([{ Value: SECRET }]),
    noText.map((Value) => [{ Name: 'email', Value }]),
    fc.constant([{ Name: 'sub', Value: 'x'.repeat(1_025) }]),
  ),
  MFAOptions: fc.oneof(
    noList,
    noText.map((AttributeName) => [{ AttributeName }]),
    noText.map((DeliveryMedium) => [{ DeliveryMedium }]),
  ),
};
const GROUP_FIELDS: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  GroupName: noName,
  Description: noText,
  RoleArn: noText,
  Precedence: noInteger,
  CreationDate: noDate,
  LastModifiedDate: noDate,
};
const POOL_FIELDS: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  Arn: fc.oneof(noName, fc.constantFrom('arn', 'arn:aws:cognito-idp:us-east-1:../../x:userpool/a')),
  Name: noText,
  EstimatedNumberOfUsers: fc.oneof(object, text, fc.boolean(), fc.constantFrom(0.5, -1, 2 ** 53)),
  MfaConfiguration: noText,
  SchemaAttributes: noList,
};

let server: HandMadeServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

/** One invalid field at a time, in an otherwise valid item. */
const oneOf = (fields: typeof USER_FIELDS) =>
  fc.oneof(
    ...Object.entries(fields).map(([name, values]) => values.map((value) => ({ [name]: value }))),
  );

describe.each([
  ['a user', USER_FIELDS, (item: object) => ({ Users: [{ Username: 'a', ...item }] })],
  ['a group', GROUP_FIELDS, (item: object) => ({ Groups: [{ GroupName: 'a', ...item }] })],
  [
    'a pool',
    POOL_FIELDS,
    (item: object) => ({
      UserPool: { Arn: 'arn:aws:cognito-idp:us-east-1:123456789012:userpool/a', ...item },
    }),
  ],
] as const)('%s', (what, fields, answerWith) => {
  test('that cannot be kept as it is makes a malformed answer, of which nothing is quoted', async () => {
    let body: unknown;
    server = await serve(() => ({ body }));
    // A share of so much is paced by nothing.
    const service = openService(server.url, { retryPolicy: RETRY_NEVER, share: 1e6 });
    const from = { token: null };
    const ask = () =>
      ({
        'a user': () => itemsOf(service.cognito.userPages(POOL, '', from, never())),
        'a group': () => itemsOf(service.cognito.groupPages(POOL, from, never())),
        'a pool': () => service.cognito.describePool(POOL, never()),
      })[what]();
    try {
      await fc.assert(
        fc.asyncProperty(oneOf(fields), async (item) => {
          body = answerWith(item);
          const error = await rejection(ask() as Promise<unknown>);
          expect(error).toBeInstanceOf(MalformedAnswerError);
          expect(error.message).toMatch(/^The service sent a malformed answer: .*\. Run it again/);
          expect(error.message).not.toContain(SECRET);
        }),
        { numRuns: 400 },
      );
    } finally {
      await service.close();
    }
  });
});

test.each(['../../x', 'us-east-1_A/../b', 'us-east-1_A\n', '\u001b[2J', 5, {}, null, ''])(
  'a listing of pools with the id %j, which would be a part of keys, is malformed',
  async (Id) => {
    server = await serve(() => ({ body: { UserPools: [{ Id: 'us-east-1_A' }, { Id }] } }));
    const service = openService(server.url, { retryPolicy: RETRY_NEVER });
    try {
      const error = await rejection(collect(service.cognito.listPools(never())));
      expect(error).toBeInstanceOf(MalformedAnswerError);
    } finally {
      await service.close();
    }
  },
);

const RETRY_NEVER = {
  attemptMs: 10_000,
  faults: 0,
  faultBaseMs: 1,
  faultCapMs: 1,
  throttledForMs: 0,
  throttledBaseMs: 1,
  throttledCapMs: 1,
};

describe('a page', () => {
  test.each([
    [
      'is not UTF-8',
      Buffer.from([...Buffer.from('{"Users":[{"Username":"a'), 0xff, ...Buffer.from('"}]}')]),
    ],
    ['is not whole', Buffer.from('{"Users":[{"Username":"a"}]')],
    ['is nothing', Buffer.from('null')],
    ['is nested without end', Buffer.from('[{"Users":'.repeat(50_000))],
    ['has a number as its token', Buffer.from('{"Users":[],"PaginationToken":0}')],
    ['has a list as its token', Buffer.from('{"Users":[],"PaginationToken":["a"]}')],
    ['has half a character as its token', Buffer.from('{"Users":[],"PaginationToken":"\\ud83d"}')],
  ])('that %s is malformed, and no end of a walk', async (_, bytes) => {
    server = await serve((_call, response) => {
      response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' }).end(bytes);
      return undefined;
    });
    const service = openService(server.url, { retryPolicy: RETRY_NEVER });
    try {
      const pages = service.cognito.userPages(POOL, '', { token: null }, never());
      expect(await rejection(itemsOf(pages))).toBeInstanceOf(MalformedAnswerError);
    } finally {
      await service.close();
    }
  });
});

describe('a snapshot', () => {
  const BAD = { Username: 'bad', UserStatus: 'CONFIRMED', Enabled: 'yes' };

  test('of a pool with a user that cannot be kept stops with a message, and nothing is published', async () => {
    const mirror = await openTestMirror({ users: 90, groups: 2 });
    try {
      const first = await mirror.sync();
      expect(first.report).toMatchObject({ state: 'archived', users: 90 });
      const before = await mirror.rows('SELECT * FROM directory.users ORDER BY username');
      // As the last of a page, behind those that can be kept.
      mirror.proxy.after = ({ operation }, answer) =>
        operation === 'ListUsers'
          ? { ...answer, Users: [...(answer['Users'] as []), BAD] }
          : answer;
      const { error } = await mirror.sync({ retryPolicy: RETRY_NEVER });
      expect(error?.message).toBe(
        'The service sent a malformed answer: the enabled of an item must be true or false. ' +
          'Run it again to resume.',
      );
      expect(await mirror.rows('SELECT * FROM directory.users ORDER BY username')).toEqual(before);
      const [{ state, reason } = {}] = await mirror.rows(
        'SELECT state, reason FROM directory.snapshots ORDER BY snapshot_at DESC LIMIT 1',
      );
      expect({ state, reason }).toEqual({
        state: 'walking',
        reason: expect.stringContaining('a malformed answer'),
      });
    } finally {
      await mirror.close();
    }
  });

  test('retries what was malformed once, and loses no user by it', async () => {
    const mirror = await openTestMirror({ users: 90, groups: 2 });
    try {
      const asked = new Set<unknown>();
      mirror.proxy.after = ({ operation, request }, answer) => {
        const call = JSON.stringify([operation, request]);
        if (asked.has(call) || operation !== 'ListUsers') return answer;
        asked.add(call);
        return { ...answer, Users: [BAD] };
      };
      const { report, error } = await mirror.sync();
      expect(error).toBeNull();
      expect(report).toMatchObject({ state: 'archived', users: 90 });
      expect(report.retries).toBe(asked.size);
      expect(asked.size).toBe(2);
    } finally {
      await mirror.close();
    }
  });
});
