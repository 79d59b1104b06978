import type {
  AdminGetUserCommandOutput,
  AttributeType,
  UserType,
} from '@aws-sdk/client-cognito-identity-provider';
import { describe, expect, test } from 'vitest';
import { MalformedAnswerError } from '../../src/cognito/errors.ts';
import {
  normaliseFoundUser,
  normaliseGroup,
  normaliseMfa,
  normalisePool,
  normaliseUser,
} from '../../src/cognito/normalise.ts';
import {
  decodeName,
  encodeName,
  isStorable,
  unescapeUnstorable,
} from '../../src/model/storable.ts';
import fc from '../support/fast-check.ts';

/** Any string of UTF-16 units, with many that Postgres cannot hold. */
const oddText = fc
  .array(
    fc.oneof(
      fc.constantFrom('\\', '\0', '\ud83d', '\ude00', '😀', '\\u0000', 'a', '"', '\n'),
      fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
    ),
    { maxLength: 12 },
  )
  .map((units) => units.join(''));
const someOddText = oddText.filter((text) => text !== '');
const attributes = fc.array(fc.record({ Name: someOddText, Value: oddText }), { maxLength: 6 });

describe('a user', () => {
  test('keeps every field and attribute in storable text that can be unescaped', () => {
    fc.assert(
      fc.property(someOddText, fc.option(oddText), attributes, (username, status, given) => {
        const user = normaliseUser({
          Username: username,
          UserStatus: (status ?? undefined) as UserType['UserStatus'],
          Attributes: given,
        });
        const back = (stored: string, name: string) => {
          expect(isStorable(stored)).toBe(true);
          return user.escaped.includes(name) ? unescapeUnstorable(stored) : stored;
        };
        // Field and attribute names may coincide here; then both count as escaped.
        const names = new Set(given.map(({ Name }) => Name));
        fc.pre(!names.has('username') && !names.has('status'));
        expect(back(user.username, 'username')).toBe(username);
        expect(decodeName(user.username)).toBe(username);
        expect(user.status === null ? null : back(user.status, 'status')).toBe(status);
        const last = new Map(given.map(({ Name, Value }) => [Name, Value]));
        const stored = Object.entries(user.attributes);
        expect(new Map(stored.map(([name, text]) => [decodeName(name), back(text, name)]))).toEqual(
          last,
        );
        expect(user.escaped).toEqual([...new Set(user.escaped)].sort());
      }),
      {
        numRuns: 500,
        examples: [
          [
            '\\',
            null,
            [
              { Name: '\\u0000', Value: '' },
              { Name: '\0', Value: '\\' },
            ],
          ],
        ],
      },
    );
  });

  test('names what is escaped, sorted and once, and nothing else', () => {
    const user = normaliseUser({
      Username: 'a\0b',
      UserStatus: 'CONFIRMED',
      Attributes: [
        { Name: 'name', Value: '\ud83d' },
        { Name: 'email', Value: 'back\\slash' },
        { Name: 'custom:z', Value: '\0' },
        { Name: 'custom:z', Value: '\0\0' },
      ],
      MFAOptions: [{ DeliveryMedium: 'SMS', AttributeName: 'phone\0' }],
    });
    expect(user.escaped).toEqual(['custom:z', 'mfa_options', 'name', 'username']);
    expect(user.username).toBe('a\\u0000b');
    expect(user.attributes['email']).toBe('back\\slash');
    expect(user.attributes['custom:z']).toBe('\\u0000\\u0000');
    expect(user.mfaOptions).toEqual([{ deliveryMedium: 'SMS', attributeName: 'phone\\u0000' }]);
  });

  test('of a repeated attribute keeps the last value', () => {
    const given: AttributeType[] = [
      { Name: 'email', Value: 'first\0' },
      { Name: 'email', Value: 'last' },
    ];
    const user = normaliseUser({ Username: 'a', Attributes: given });
    expect(user.attributes).toEqual({ email: 'last' });
    expect(user.escaped).toEqual([]);
  });

  test('takes __proto__ and constructor for names like any other', () => {
    const { attributes: kept, sub } = normaliseUser({
      Username: 'a',
      Attributes: [
        { Name: '__proto__', Value: 'x' },
        { Name: 'constructor', Value: 'y' },
      ],
    });
    expect(Object.entries(kept)).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
    expect(sub).toBeNull();
  });

  test('with nothing but a name has null for the rest', () => {
    expect(normaliseUser({ Username: 'a' })).toEqual({
      username: 'a',
      sub: null,
      status: null,
      enabled: null,
      createdAt: null,
      modifiedAt: null,
      attributes: {},
      mfaOptions: [],
      escaped: [],
    });
  });

  test('keeps an unknown status', () => {
    const status = 'A_FUTURE_STATUS' as UserType['UserStatus'];
    expect(normaliseUser({ Username: 'a', UserStatus: status }).status).toBe('A_FUTURE_STATUS');
  });

  test('is malformed with dates that cannot be kept', () => {
    for (const date of [new Date(Number.NaN), new Date(8.64e15), 'yesterday', 5]) {
      const user = { Username: 'a', UserCreateDate: date } as unknown as UserType;
      expect(() => normaliseUser(user)).toThrow('the UserCreateDate must be a date');
    }
    const date = new Date('2020-02-29T23:59:59.999Z');
    expect(normaliseUser({ Username: 'a', UserLastModifiedDate: date }).modifiedAt).toEqual(date);
  });

  test('with any values as its fields is kept or malformed, and malformed without a name', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...FIELDS), fc.anything()), (garbage) => {
        try {
          const user = normaliseUser({ ...garbage, Username: 'a' } as UserType);
          expect(user.username).toBe('a');
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedAnswerError);
        }
      }),
    );
    for (const name of [undefined, null, '', 7]) {
      const nameless = { Username: name } as unknown as UserType;
      expect(() => normaliseUser(nameless)).toThrow(MalformedAnswerError);
    }
  });

  test("of AdminGetUser is the same, by that call's own field", () => {
    const found = normaliseFoundUser({
      $metadata: {},
      Username: 'a',
      UserAttributes: [{ Name: 'sub', Value: 'abc' }],
      Enabled: false,
    });
    expect(found).toMatchObject({ username: 'a', sub: 'abc', enabled: false });
  });
});

const FIELDS = [
  'Attributes',
  'UserCreateDate',
  'UserLastModifiedDate',
  'Enabled',
  'UserStatus',
  'MFAOptions',
];

describe('a name', () => {
  test('stays unchanged unless it is unstorable or looks escaped', () => {
    for (const name of ['CORP\\ulla', '\\', '\\\\u', '\\u0041', '\\ud7ff', '\\U0000', '\\uD83D']) {
      expect(encodeName(name)).toBe(name);
    }
    expect(encodeName('a\0b')).toBe('a\\u0000b');
    expect(encodeName('a\\u0000b')).toBe('a\\\\u0000b');
    expect(encodeName('a\\ud83db')).toBe('a\\\\ud83db');
  });

  test('is unique, and can be unescaped', () => {
    fc.assert(
      fc.property(oddText, oddText, (one, other) => {
        expect(isStorable(encodeName(one))).toBe(true);
        expect(decodeName(encodeName(one))).toBe(one);
        // The form of one is a name as well, and not the same.
        expect(decodeName(encodeName(encodeName(one)))).toBe(encodeName(one));
        expect(encodeName(one) === encodeName(other)).toBe(one === other);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('a group', () => {
  test('keeps its fields; a precedence of 0 is not null', () => {
    const date = new Date('2024-01-01T00:00:00.250Z');
    expect(
      normaliseGroup({
        GroupName: 'admins',
        Description: 'who\0',
        RoleArn: 'arn:aws:iam::123456789012:role/admin',
        Precedence: 0,
        CreationDate: date,
        LastModifiedDate: date,
      }),
    ).toEqual({
      groupName: 'admins',
      description: 'who\\u0000',
      roleArn: 'arn:aws:iam::123456789012:role/admin',
      precedence: 0,
      createdAt: date,
      modifiedAt: date,
      escaped: ['description'],
    });
  });

  test('with nothing but a name has null for the rest; without one it is malformed', () => {
    expect(normaliseGroup({ GroupName: 'a' })).toEqual({
      groupName: 'a',
      description: null,
      roleArn: null,
      precedence: null,
      createdAt: null,
      modifiedAt: null,
      escaped: [],
    });
    expect(() => normaliseGroup({})).toThrow(MalformedAnswerError);
  });
});

describe('a pool', () => {
  test('has the account of its Arn and the sorted names of its custom attributes', () => {
    const arn = 'arn:aws:cognito-idp:eu-west-1:210987654321:userpool/eu-west-1_A';
    const pool = normalisePool(
      { poolId: 'eu-west-1_A', region: 'eu-west-1' },
      {
        Name: 'people',
        Arn: arn,
        EstimatedNumberOfUsers: 12,
        MfaConfiguration: 'OPTIONAL',
        SchemaAttributes: [
          { Name: 'sub' },
          { Name: 'dev:custom:b' },
          { Name: 'custom:b' },
          { Name: 'custom:a' },
        ],
      },
    );
    expect(pool).toEqual({
      poolId: 'eu-west-1_A',
      name: 'people',
      arn,
      accountId: '210987654321',
      region: 'eu-west-1',
      estimatedUsers: 12,
      mfaConfiguration: 'OPTIONAL',
      customAttributes: ['custom:a', 'custom:b', 'dev:custom:b'],
    });
  });

  test('without an Arn is malformed', () => {
    expect(() => normalisePool({ poolId: 'eu-west-1_A', region: 'eu-west-1' }, undefined)).toThrow(
      MalformedAnswerError,
    );
    expect(() =>
      normalisePool({ poolId: 'eu-west-1_A', region: 'eu-west-1' }, { Arn: 'nonsense' }),
    ).toThrow(MalformedAnswerError);
  });
});

describe('an MFA state', () => {
  const read = (answer: object) =>
    normaliseMfa({ $metadata: {}, Username: 'ann', ...answer } as AdminGetUserCommandOutput);

  test('has its settings sorted and once, and the sub of the person', () => {
    const UserAttributes = [{ Name: 'sub', Value: 'a-sub' }];
    const UserMFASettingList = ['SOFTWARE_TOKEN_MFA', 'SMS_MFA', 'SOFTWARE_TOKEN_MFA'];
    expect(read({ UserAttributes, UserMFASettingList, PreferredMfaSetting: 'SMS_MFA' })).toEqual({
      sub: 'a-sub',
      settings: ['SMS_MFA', 'SOFTWARE_TOKEN_MFA'],
      preferred: 'SMS_MFA',
    });
  });

  test.each([[{}], [{ UserMFASettingList: null, PreferredMfaSetting: '' }]])(
    'without settings is empty, and not unknown: %j',
    (answer) => {
      expect(read(answer)).toEqual({ sub: null, settings: [], preferred: null });
    },
  );

  test('of any text is storable, and two texts stay two', () => {
    fc.assert(
      fc.property(fc.array(oddText), (given) => {
        const { settings } = read({ UserMFASettingList: given });
        expect(settings.every(isStorable)).toBe(true);
        expect(new Set(settings.map(decodeName))).toEqual(new Set(given));
      }),
    );
  });

  test.each([
    [{ UserMFASettingList: 'SMS_MFA' }],
    [{ UserMFASettingList: [1] }],
    [{ PreferredMfaSetting: {} }],
  ])('of another type is refused: %j', (answer) => {
    expect(() => read(answer)).toThrow(MalformedAnswerError);
  });
});
