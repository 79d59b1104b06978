import fc from '../support/fast-check.ts';
import type { ProxiedCall } from '../support/proxy.ts';
import { anyName, anyText, EVERY_CATEGORY } from './odd-text.ts';

type Maybe<T> = T | null | undefined;

/** A user as the service's answer has it: what is optional there may be missing or null. */
export interface RawUser {
  readonly Username: string;
  readonly UserStatus?: Maybe<string>;
  readonly Enabled?: Maybe<boolean>;
  readonly UserCreateDate?: Maybe<number>;
  readonly UserLastModifiedDate?: Maybe<number>;
  readonly Attributes?: Maybe<readonly { Name: string; Value?: Maybe<string> }[]>;
  readonly MFAOptions?: Maybe<
    readonly { DeliveryMedium?: Maybe<string>; AttributeName?: Maybe<string> }[]
  >;
}

export interface RawGroup {
  readonly GroupName: string;
  readonly Description?: Maybe<string>;
  readonly RoleArn?: Maybe<string>;
  readonly Precedence?: Maybe<number>;
  readonly CreationDate?: Maybe<number>;
  readonly LastModifiedDate?: Maybe<number>;
}

export interface RawPool {
  readonly name: string;
  readonly users: readonly RawUser[];
  readonly groups: readonly RawGroup[];
  /** The names of the members of each group, in the order of the groups. */
  readonly members: readonly (readonly string[])[];
}

const YEAR_1 = Date.parse('0001-01-01T00:00:00.000Z');
const YEAR_9999 = Date.parse('9999-12-31T23:59:59.999Z');

/** Seconds with three digits behind the point, as the service sends them. */
const seconds = fc
  .oneof(
    fc.integer({ min: YEAR_1, max: YEAR_9999 }),
    fc.constantFrom(YEAR_1, YEAR_9999, 0, -1, 1_732_147_200_123),
  )
  .map((ms) => ms / 1_000);

/** Left out, null, or there. */
const maybe = <T>(values: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 4, arbitrary: values }, fc.constantFrom(null, undefined));

/** What a later version of the service may add. */
const unknown = { NewInLaterVersions: maybe(fc.jsonValue()) };

const STANDARD = [
  ...['email', 'email_verified', 'phone_number', 'phone_number_verified', 'name', 'given_name'],
  ...['family_name', 'preferred_username', 'identities', 'constructor', '__proto__', 'custom:a'],
];

/** Attributes have other names than the columns whose texts the service gives outside of them. */
const attributeName = fc
  .oneof(fc.constantFrom(...STANDARD), anyName)
  .filter((name) => !['username', 'status', 'mfa_options'].includes(name));

const attributes = fc.oneof(
  fc.array(fc.record({ Name: attributeName, Value: maybe(anyText), ...unknown }), {
    maxLength: 12,
  }),
  // All that a pool may have of its own, each as large as it may be.
  fc.constantFrom('é', '\0', '\\', '"').map((character) =>
    Array.from({ length: 50 }, (_, index) => ({
      Name: `custom:${index}`,
      Value: character.repeat(2_048 / Buffer.byteLength(character)),
    })),
  ),
);

const rawUser = fc
  .record({
    Username: anyName,
    UserStatus: maybe(fc.oneof(fc.constantFrom('CONFIRMED', 'A_FUTURE_STATUS'), anyText)),
    Enabled: maybe(fc.boolean()),
    UserCreateDate: maybe(seconds),
    UserLastModifiedDate: maybe(seconds),
    Attributes: maybe(attributes),
    MFAOptions: maybe(
      fc.array(
        fc.record({ DeliveryMedium: maybe(anyText), AttributeName: maybe(anyText), ...unknown }),
        { maxLength: 3 },
      ),
    ),
    sub: maybe(fc.uuid()),
    ...unknown,
  })
  .map(({ sub, ...user }) =>
    sub === undefined || sub === null
      ? user
      : { ...user, Attributes: [...(user.Attributes ?? []), { Name: 'sub', Value: sub }] },
  );

const rawGroup = fc.record({
  GroupName: anyName,
  Description: maybe(anyText),
  RoleArn: maybe(anyText),
  Precedence: maybe(
    fc.oneof(fc.constantFrom(0, -1, 2 ** 31 - 1), fc.integer({ min: -(2 ** 31) + 1 })),
  ),
  CreationDate: maybe(seconds),
  LastModifiedDate: maybe(seconds),
  ...unknown,
});

/** A pool of users and groups of every shape that can be kept. Names alone are never there twice. */
export const anyPool: fc.Arbitrary<RawPool> = fc
  .tuple(
    anyText,
    fc.uniqueArray(rawUser, { minLength: 20, maxLength: 30, selector: (user) => user.Username }),
    fc.uniqueArray(rawGroup, { minLength: 6, maxLength: 8, selector: (group) => group.GroupName }),
    // Who is in a group, a bit for each.
    fc.array(fc.nat(2 ** 30 - 1), { minLength: 8, maxLength: 8 }),
  )
  .map(([name, users, groups, joins]) => ({
    name,
    users: [withEveryCategory, ...users.filter(({ Username }) => Username !== 'every category')],
    groups,
    members: groups.map((_, group) =>
      users.map(({ Username }) => Username).filter((_, bit) => ((joins[group] ?? 0) >> bit) & 1),
    ),
  }));

const withEveryCategory: RawUser = {
  Username: 'every category',
  Attributes: [
    { Name: 'name', Value: EVERY_CATEGORY },
    { Name: EVERY_CATEGORY, Value: EVERY_CATEGORY },
  ],
};

/** Answers calls as a service would that has this pool, in pages of seven. */
export function answersOf(pool: RawPool, poolId: string) {
  const byName = new Map(pool.users.map((user) => [user.Username, user]));
  return ({ operation, request }: ProxiedCall): unknown => {
    switch (operation) {
      case 'DescribeUserPool': {
        const Arn = `arn:aws:cognito-idp:us-east-1:123456789012:userpool/${poolId}`;
        const described = { Arn, Name: pool.name, EstimatedNumberOfUsers: pool.users.length };
        return { UserPool: described };
      }
      case 'ListUsers':
        return page('Users', 'PaginationToken', pool.users, request['PaginationToken']);
      case 'ListGroups':
        return page('Groups', 'NextToken', pool.groups, request['NextToken']);
      case 'ListUsersInGroup': {
        const index = pool.groups.findIndex(({ GroupName }) => GroupName === request['GroupName']);
        const names = pool.members[index];
        if (names === undefined) return { __type: 'ResourceNotFoundException' };
        const members = names.map((name) => byName.get(name) as RawUser);
        return page('Users', 'NextToken', members, request['NextToken']);
      }
      case 'AdminGetUser': {
        const user = byName.get(request['Username'] as string);
        if (user === undefined) return { __type: 'UserNotFoundException' };
        const { Attributes, ...rest } = user;
        return { ...rest, UserAttributes: Attributes };
      }
      default:
        throw new Error(`${operation} is not expected`);
    }
  };
}

const PAGE = 7;

function page(list: string, tokenName: string, items: readonly unknown[], token: unknown) {
  const start = Number(token ?? 0);
  const end = start + PAGE;
  const more = end < items.length ? { [tokenName]: String(end) } : {};
  return { [list]: items.slice(start, end), ...more };
}
