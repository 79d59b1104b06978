import type {
  AdminGetUserCommandOutput,
  AttributeType,
  GroupType,
  MFAOptionType,
  UserPoolType,
  UserType,
} from '@aws-sdk/client-cognito-identity-provider';
import type { Group } from '../model/group.ts';
import type { Pool } from '../model/pool.ts';
import { regionOf } from '../model/pool-id.ts';
import { escapeOdd, isStorable } from '../model/storable.ts';
import type { MfaOption, User } from '../model/user.ts';
import { MalformedAnswerError } from './errors.ts';

/**
 * The SDK hands on what the server sent without checking types, so nothing here trusts its own.
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
    groupName: text.required('group_name', group.GroupName),
    description: text.optional('description', group.Description),
    roleArn: text.optional('role_arn', group.RoleArn),
    precedence: Number.isSafeInteger(group.Precedence) ? (group.Precedence ?? null) : null,
    createdAt: dateOf(group.CreationDate),
    modifiedAt: dateOf(group.LastModifiedDate),
    escaped: text.escaped,
  };
}

/** A pool of DescribeUserPool. Throws MalformedAnswerError where it has no Arn of a pool. */
export function normalisePool(poolId: string, pool: UserPoolType | undefined): Pool {
  const text = new StorableText();
  const arn = text.required('arn', pool?.Arn);
  const accountId = arn.split(':')[4];
  if (!accountId) throw new MalformedAnswerError('the Arn of a pool names no account');
  return {
    poolId,
    name: text.optional('name', pool?.Name),
    arn,
    accountId,
    region: regionOf(poolId),
    estimatedUsers: Math.max(0, Number(pool?.EstimatedNumberOfUsers ?? 0) || 0),
    mfaConfiguration: text.optional('mfa_configuration', pool?.MfaConfiguration),
    customAttributes: objectsOf(pool?.SchemaAttributes)
      .map((attribute) => text.of('custom_attributes', String(attribute.Name ?? '')))
      .filter((name) => /^(?:dev:)?custom:/.test(name))
      .sort(),
  };
}

function userOf(user: Omit<UserType, 'Attributes'>, given: AttributeType[] | undefined): User {
  const text = new StorableText();
  const attributes = attributesOf(given, text);
  return {
    username: text.required('username', user.Username),
    // hasOwn: an object without own `sub` must not find one elsewhere.
    sub: Object.hasOwn(attributes, 'sub') ? (attributes['sub'] ?? null) : null,
    status: text.optional('status', user.UserStatus),
    enabled: typeof user.Enabled === 'boolean' ? user.Enabled : null,
    createdAt: dateOf(user.UserCreateDate),
    modifiedAt: dateOf(user.UserLastModifiedDate),
    attributes,
    mfaOptions: mfaOptionsOf(user.MFAOptions, text),
    escaped: text.escaped,
  };
}

/**
 * By name; of a repeated name the last. An attribute whose name or value is odd has its value in
 * escaped form. Where one name is odd, those with a backslash are escaped as well, as they may look
 * like the escaped form of another. Without a prototype, as `__proto__` is a name like any other.
 */
function attributesOf(
  given: AttributeType[] | undefined,
  text: StorableText,
): Record<string, string> {
  const attributes = Object.create(null) as Record<string, string>;
  const list = objectsOf(given);
  const oddNames = list.some(({ Name }) => typeof Name === 'string' && !isStorable(Name));
  for (const { Name, Value } of list) {
    const name = String(Name ?? '');
    const value = String(Value ?? '');
    const escapeName = oddNames && (name.includes('\\') || !isStorable(name));
    if (!escapeName && isStorable(value)) {
      attributes[name] = value;
      text.unmark(name);
    } else {
      const stored = escapeName ? escapeOdd(name) : name;
      attributes[stored] = escapeOdd(value);
      text.mark(stored);
    }
  }
  return attributes;
}

/** All texts of the options are in escaped form where one of them is odd. */
function mfaOptionsOf(given: MFAOptionType[] | undefined, text: StorableText): MfaOption[] {
  const options = objectsOf(given).map(({ DeliveryMedium, AttributeName }) => ({
    deliveryMedium: typeof DeliveryMedium === 'string' ? DeliveryMedium : null,
    attributeName: typeof AttributeName === 'string' ? AttributeName : null,
  }));
  const odd = (stored: string | null) => stored !== null && !isStorable(stored);
  if (!options.some((option) => odd(option.deliveryMedium) || odd(option.attributeName))) {
    return options;
  }
  text.mark('mfa_options');
  const escaped = (stored: string | null) => (stored === null ? null : escapeOdd(stored));
  return options.map(({ deliveryMedium, attributeName }) => ({
    deliveryMedium: escaped(deliveryMedium),
    attributeName: escaped(attributeName),
  }));
}

/** A date that Postgres and ISO text can hold in four digits of a year, or null. */
function dateOf(date: unknown): Date | null {
  if (!(date instanceof Date)) return null;
  const year = date.getUTCFullYear();
  return year >= 1 && year <= 9_999 ? date : null;
}

function objectsOf<T>(list: T[] | undefined): T[] {
  if (!Array.isArray(list)) return [];
  return list.filter((item) => typeof item === 'object' && item !== null);
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

  of(name: string, text: string): string {
    if (isStorable(text)) return text;
    this.mark(name);
    return escapeOdd(text);
  }

  optional(name: string, text: unknown): string | null {
    return typeof text === 'string' ? this.of(name, text) : null;
  }

  required(name: string, text: unknown): string {
    if (typeof text !== 'string' || text === '') {
      throw new MalformedAnswerError(`an item has no ${name}`);
    }
    return this.of(name, text);
  }

  /** Sorted, each name once. */
  get escaped(): string[] {
    return this.#escaped === null ? [] : [...this.#escaped].sort();
  }
}
