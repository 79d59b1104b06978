import type {
  AdminGetUserCommandOutput,
  AttributeType,
  GroupType,
  MFAOptionType,
  UserPoolDescriptionType,
  UserPoolType,
  UserType,
} from '@aws-sdk/client-cognito-identity-provider';
import type { Group, MfaOption, MfaState, Pool, User } from '../model/directory.ts';
import { encodeName, escapeUnstorable, isStorable } from '../model/storable.ts';
import { MalformedAnswerError } from './errors.ts';

/**
 * The SDK does not check the types of an answer, so this file does. An absent field becomes null. A
 * field of a wrong type or out of range makes the answer malformed: null would be false.
 *
 * `escaped` has names of attributes, and for fields the names of their columns.
 */

/** A profile of ListUsers or ListUsersInGroup. Throws MalformedAnswerError without a Username. */
export function normaliseUser(user: UserType): User {
  return buildUser(user, user.Attributes);
}

/** A profile of AdminGetUser, which names its attributes differently. */
export function normaliseFoundUser(user: AdminGetUserCommandOutput): User {
  return buildUser(user, user.UserAttributes);
}

/**
 * The MFA state of a user of AdminGetUser. Its texts are stored as names, so it needs no `escaped`.
 */
export function normaliseMfa(user: AdminGetUserCommandOutput): MfaState {
  const text = new StorableText();
  const settings = checkTexts('mfa_settings', user.UserMFASettingList).map(encodeName);
  return {
    sub: readAttributes(user.UserAttributes, text)['sub'] ?? null,
    // Sorted, so that another order in the answer does not count as a change.
    settings: [...new Set(settings)].sort(),
    preferred: text.optionalName('preferred_mfa', user.PreferredMfaSetting) || null,
  };
}

/** A group of ListGroups. Throws MalformedAnswerError without a GroupName. */
export function normaliseGroup(group: GroupType): Group {
  const text = new StorableText();
  return {
    groupName: text.key('group_name', group.GroupName),
    description: text.optional('description', group.Description),
    roleArn: text.optional('role_arn', group.RoleArn),
    precedence: checkPrecedence(group.Precedence),
    createdAt: checkDate('CreationDate', group.CreationDate),
    modifiedAt: checkDate('LastModifiedDate', group.LastModifiedDate),
    escaped: text.escaped,
  };
}

/**
 * A pool of DescribeUserPool. Throws MalformedAnswerError without the Arn of a pool. Its texts are
 * stored as names, so it needs no `escaped`.
 */
export function normalisePool(
  { poolId, region }: Pick<Pool, 'poolId' | 'region'>,
  pool: UserPoolType | undefined,
): Pool {
  const text = new StorableText();
  const arn = text.name('arn', pool?.Arn);
  const accountId = arn.split(':')[4] ?? '';
  if (!ACCOUNT.test(accountId)) malformed('the Arn of a pool lacks an account');
  const estimated: unknown = pool?.EstimatedNumberOfUsers ?? 0;
  // They are not stored. A server that sends another form here does so in every list.
  checkPoolDates(pool);
  return {
    poolId,
    name: text.optionalName('name', pool?.Name),
    arn,
    accountId,
    region,
    estimatedUsers: isInteger(estimated, 0, Number.MAX_SAFE_INTEGER)
      ? estimated
      : malformed('the estimated_users of a pool must be a whole number'),
    mfaConfiguration: text.optionalName('mfa_configuration', pool?.MfaConfiguration),
    customAttributes: checkList('custom_attributes', pool?.SchemaAttributes)
      .map((attribute) => text.name('custom_attributes', attribute.Name))
      .filter((name) => /^(?:dev:)?custom:/.test(name))
      .sort(),
  };
}

/** The dates of a pool, of DescribeUserPool or ListUserPools. Throws MalformedAnswerError. */
export function checkPoolDates(pool: UserPoolType | UserPoolDescriptionType | undefined): void {
  checkDate('CreationDate', pool?.CreationDate);
  checkDate('LastModifiedDate', pool?.LastModifiedDate);
}

/** 12 digits; servers that replace the service use words. */
const ACCOUNT = /^[\w-]{1,64}$/;

/** The largest value of Postgres's integer. */
const LARGEST_INTEGER = 2 ** 31 - 1;

/**
 * The most bytes of a name or a `sub`. The service's names have at most 128 characters. An index
 * entry of Postgres has at most 2,704 bytes, and one of memberships holds two names and a pool's.
 */
const MOST_KEY_BYTES = 1_024;

function buildUser(user: Omit<UserType, 'Attributes'>, given: AttributeType[] | undefined): User {
  const text = new StorableText();
  const attributes = readAttributes(given, text);
  return {
    username: text.key('username', user.Username),
    sub: checkLength('sub', attributes['sub'] ?? null),
    status: text.optional('status', user.UserStatus),
    enabled: checkBoolean('enabled', user.Enabled),
    createdAt: checkDate('UserCreateDate', user.UserCreateDate),
    modifiedAt: checkDate('UserLastModifiedDate', user.UserLastModifiedDate),
    attributes,
    mfaOptions: readMfaOptions(user.MFAOptions, text),
    escaped: text.escaped,
  };
}

/**
 * Attributes by name. The last of a repeated name counts, and an absent value is empty. If a name or
 * a value is not storable, the value is escaped. `__proto__` is a valid name, so the object has no
 * prototype.
 */
function readAttributes(
  given: AttributeType[] | undefined,
  text: StorableText,
): Record<string, string> {
  const attributes = Object.create(null) as Record<string, string>;
  for (const { Name, Value } of checkList('attributes', given)) {
    const name = checkText('attribute', Name) ?? malformed('an attribute lacks a name');
    const value = checkText('attribute', Value) ?? '';
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

/** If one text of the options is not storable, all of them are escaped. */
function readMfaOptions(given: MFAOptionType[] | undefined, text: StorableText): MfaOption[] {
  const options = checkList('mfa_options', given).map(({ DeliveryMedium, AttributeName }) => ({
    deliveryMedium: checkText('mfa_options', DeliveryMedium),
    attributeName: checkText('mfa_options', AttributeName),
  }));
  const texts = options.flatMap((option) => [option.deliveryMedium, option.attributeName]);
  if (texts.every((each) => each === null || isStorable(each))) return options;
  text.mark('mfa_options');
  const escapeText = (each: string | null) => (each === null ? null : escapeUnstorable(each));
  return options.map(({ deliveryMedium, attributeName }) => ({
    deliveryMedium: escapeText(deliveryMedium),
    attributeName: escapeText(attributeName),
  }));
}

/**
 * A date whose year has at most four digits, as Postgres and ISO text need it, or null.
 *
 * @param field the service's name of the date.
 */
function checkDate(field: string, date: unknown): Date | null {
  if (isAbsent(date)) return null;
  const year = date instanceof Date ? date.getUTCFullYear() : Number.NaN;
  return year >= 1 && year <= 9_999
    ? (date as Date)
    : malformed(`the ${field} must be a date of the years 1 to 9999, as epoch seconds`);
}

function checkBoolean(column: string, value: unknown): boolean | null {
  if (isAbsent(value)) return null;
  return typeof value === 'boolean'
    ? value
    : malformed(`the ${column} of an item must be true or false`);
}

function checkPrecedence(value: unknown): number | null {
  if (isAbsent(value)) return null;
  return isInteger(value, -LARGEST_INTEGER, LARGEST_INTEGER)
    ? value
    : malformed('the precedence of a group must be a 32-bit integer');
}

function checkText(column: string, value: unknown): string | null {
  if (isAbsent(value)) return null;
  return typeof value === 'string' ? value : malformed(`the ${column} of an item must be a string`);
}

function checkList<T extends object>(column: string, list: readonly T[] | undefined): readonly T[] {
  if (isAbsent(list)) return [];
  const isList = Array.isArray(list) && list.every((item) => typeof item === 'object' && item);
  return isList
    ? (list as readonly T[])
    : malformed(`the ${column} of an item must be a list of objects`);
}

function checkTexts(column: string, list: unknown): readonly string[] {
  if (isAbsent(list)) return [];
  return Array.isArray(list) && list.every((each) => typeof each === 'string')
    ? list
    : malformed(`the ${column} of an item must be a list of strings`);
}

/** JSON has two forms for an absent value. */
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

/** Makes text storable, and keeps the names of what it escaped. */
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
    const given = checkText(column, text);
    if (given === null || isStorable(given)) return given;
    this.mark(column);
    return escapeUnstorable(given);
  }

  optionalName(column: string, text: unknown): string | null {
    const given = checkText(column, text);
    if (given === null) return null;
    const stored = encodeName(given);
    if (stored !== given) this.mark(column);
    return stored;
  }

  name(column: string, text: unknown): string {
    return this.optionalName(column, text) || malformed(`an item lacks its ${column}`);
  }

  key(column: string, text: unknown): string {
    return checkLength(column, this.name(column, text));
  }

  /** The names, sorted. */
  get escaped(): string[] {
    return this.#escaped === null ? [] : [...this.#escaped].sort();
  }
}
