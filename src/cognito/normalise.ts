import type {
  AdminGetUserCommandOutput,
  AttributeType,
  GroupType,
  MFAOptionType,
  UserPoolDescriptionType,
  UserPoolType,
  UserType,
} from '@aws-sdk/client-cognito-identity-provider';
import type { Group, MfaOption, Pool, User } from '../model/directory.ts';
import { encodeName, escapeUnstorable, isStorable } from '../model/storable.ts';
import { MalformedAnswerError } from './errors.ts';

/**
 * The SDK hands on what the server sent without checking types, so nothing here trusts its own. What
 * is left out is null. What is there and cannot be kept as it is, as it is of another type or out of
 * range, makes the answer a malformed one: null in its place would be a lie.
 *
 * Names in `escaped` are attributes' names, and for fields the names of their columns.
 */

/** A profile of ListUsers or ListUsersInGroup. Throws MalformedAnswerError without a Username. */
export function normaliseUser(user: UserType): User {
  return userOf(user, user.Attributes);
}

/** A profile of AdminGetUser, whose attributes go by another name. */
export function normaliseFoundUser(user: AdminGetUserCommandOutput): User {
  return userOf(user, user.UserAttributes);
}

/** A group of ListGroups. Throws MalformedAnswerError without a GroupName. */
export function normaliseGroup(group: GroupType): Group {
  const text = new StorableText();
  return {
    groupName: text.key('group_name', group.GroupName),
    description: text.optional('description', group.Description),
    roleArn: text.optional('role_arn', group.RoleArn),
    precedence: precedenceOf(group.Precedence),
    createdAt: dateOf('CreationDate', group.CreationDate),
    modifiedAt: dateOf('LastModifiedDate', group.LastModifiedDate),
    escaped: text.escaped,
  };
}

/**
 * A pool of DescribeUserPool. Throws MalformedAnswerError where it has no Arn of a pool. No `escaped`
 * stands beside its texts: they are kept as names are.
 */
export function normalisePool(
  { poolId, region }: Pick<Pool, 'poolId' | 'region'>,
  pool: UserPoolType | undefined,
): Pool {
  const text = new StorableText();
  const arn = text.name('arn', pool?.Arn);
  const accountId = arn.split(':')[4] ?? '';
  if (!ACCOUNT.test(accountId)) malformed('the Arn of a pool names no account');
  const estimated: unknown = pool?.EstimatedNumberOfUsers ?? 0;
  // They are not kept. A server that sends them in another form does so in every list.
  checkPoolDates(pool);
  return {
    poolId,
    name: text.optionalName('name', pool?.Name),
    arn,
    accountId,
    region,
    estimatedUsers: isInteger(estimated, 0, Number.MAX_SAFE_INTEGER)
      ? estimated
      : malformed('the estimated_users of a pool are no whole number'),
    mfaConfiguration: text.optionalName('mfa_configuration', pool?.MfaConfiguration),
    customAttributes: listOf('custom_attributes', pool?.SchemaAttributes)
      .map((attribute) => text.name('custom_attributes', attribute.Name))
      .filter((name) => /^(?:dev:)?custom:/.test(name))
      .sort(),
  };
}

/** The dates of a pool, of DescribeUserPool or ListUserPools. Throws MalformedAnswerError. */
export function checkPoolDates(pool: UserPoolType | UserPoolDescriptionType | undefined): void {
  dateOf('CreationDate', pool?.CreationDate);
  dateOf('LastModifiedDate', pool?.LastModifiedDate);
}

/** 12 digits; servers that stand in for the service have words there. */
const ACCOUNT = /^[\w-]{1,64}$/;

/** The largest number of Postgres's integer. */
const LARGEST_INTEGER = 2 ** 31 - 1;

/**
 * The most bytes of a user's or group's name or a `sub`. The service's names have at most 128 characters. An entry of
 * an index of Postgres has at most 2,704 bytes, and one of memberships holds two names and a pool's.
 */
const MOST_KEY_BYTES = 1_024;

function userOf(user: Omit<UserType, 'Attributes'>, given: AttributeType[] | undefined): User {
  const text = new StorableText();
  const attributes = attributesOf(given, text);
  return {
    username: text.key('username', user.Username),
    sub: checkLength('sub', attributes['sub'] ?? null),
    status: text.optional('status', user.UserStatus),
    enabled: booleanOf('enabled', user.Enabled),
    createdAt: dateOf('UserCreateDate', user.UserCreateDate),
    modifiedAt: dateOf('UserLastModifiedDate', user.UserLastModifiedDate),
    attributes,
    mfaOptions: mfaOptionsOf(user.MFAOptions, text),
    escaped: text.escaped,
  };
}

/**
 * By name; of a repeated name the last. One without a value has an empty one. An attribute whose name
 * or value is odd has its value in escaped form. Without a prototype, as `__proto__` is a name like
 * any other.
 */
function attributesOf(
  given: AttributeType[] | undefined,
  text: StorableText,
): Record<string, string> {
  const attributes = Object.create(null) as Record<string, string>;
  for (const { Name, Value } of listOf('attributes', given)) {
    const name = textOf('attribute', Name) ?? malformed('an attribute has no name');
    const value = textOf('attribute', Value) ?? '';
    const stored = encodeName(name);
    if (stored === name && isStorable(value)) {
      attributes[name] = value;
      text.unmark(name);
    } else {
      attributes[stored] = escapeUnstorable(value);
      text.mark(stored);
    }
  }
  return attributes;
}

/** All texts of the options are in escaped form where one of them is odd. */
function mfaOptionsOf(given: MFAOptionType[] | undefined, text: StorableText): MfaOption[] {
  const options = listOf('mfa_options', given).map(({ DeliveryMedium, AttributeName }) => ({
    deliveryMedium: textOf('mfa_options', DeliveryMedium),
    attributeName: textOf('mfa_options', AttributeName),
  }));
  const odd = (stored: string | null) => stored !== null && !isStorable(stored);
  if (!options.some((option) => odd(option.deliveryMedium) || odd(option.attributeName))) {
    return options;
  }
  text.mark('mfa_options');
  const escaped = (stored: string | null) => (stored === null ? null : escapeUnstorable(stored));
  return options.map(({ deliveryMedium, attributeName }) => ({
    deliveryMedium: escaped(deliveryMedium),
    attributeName: escaped(attributeName),
  }));
}

/**
 * A date that Postgres and ISO text can hold in four digits of a year, or null.
 *
 * @param field the service's name of it
 */
function dateOf(field: string, date: unknown): Date | null {
  if (isAbsent(date)) return null;
  const year = date instanceof Date ? date.getUTCFullYear() : Number.NaN;
  return year >= 1 && year <= 9_999
    ? (date as Date)
    : malformed(`the ${field} must be a date of the years 1 to 9999, as epoch seconds`);
}

function booleanOf(column: string, value: unknown): boolean | null {
  if (isAbsent(value)) return null;
  return typeof value === 'boolean'
    ? value
    : malformed(`the ${column} of an item is neither true nor false`);
}

function precedenceOf(value: unknown): number | null {
  if (isAbsent(value)) return null;
  return isInteger(value, -LARGEST_INTEGER, LARGEST_INTEGER)
    ? value
    : malformed('the precedence of a group is no integer of 32 bits');
}

function textOf(column: string, value: unknown): string | null {
  if (isAbsent(value)) return null;
  return typeof value === 'string' ? value : malformed(`the ${column} of an item is no text`);
}

function listOf<T extends object>(column: string, list: readonly T[] | undefined): readonly T[] {
  if (isAbsent(list)) return [];
  const isList = Array.isArray(list) && list.every((item) => typeof item === 'object' && item);
  return isList ? (list as readonly T[]) : malformed(`the ${column} of an item are no list`);
}

/** JSON has two ways to say nothing. */
function isAbsent(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}

function isInteger(value: unknown, least: number, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
}

function checkLength<T extends string | null>(column: string, text: T): T {
  return Buffer.byteLength(text ?? '') <= MOST_KEY_BYTES
    ? text
    : malformed(`the ${column} of an item has more than ${MOST_KEY_BYTES} bytes`);
}

function malformed(what: string): never {
  throw new MalformedAnswerError(what);
}

/** Makes text storable, and keeps the names under which it had to be escaped. */
class StorableText {
  #escaped: Set<string> | null = null;

  mark(name: string): void {
    this.#escaped ??= new Set();
    this.#escaped.add(name);
  }

  unmark(name: string): void {
    this.#escaped?.delete(name);
  }

  optional(column: string, text: unknown): string | null {
    const given = textOf(column, text);
    if (given === null || isStorable(given)) return given;
    this.mark(column);
    return escapeUnstorable(given);
  }

  optionalName(column: string, text: unknown): string | null {
    const given = textOf(column, text);
    if (given === null) return null;
    const stored = encodeName(given);
    if (stored !== given) this.mark(column);
    return stored;
  }

  name(column: string, text: unknown): string {
    return this.optionalName(column, text) || malformed(`an item has no ${column}`);
  }

  key(column: string, text: unknown): string {
    return checkLength(column, this.name(column, text));
  }

  /** Sorted, each name once. */
  get escaped(): string[] {
    return this.#escaped === null ? [] : [...this.#escaped].sort();
  }
}
