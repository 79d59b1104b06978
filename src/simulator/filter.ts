import { invalidParameter } from './errors.ts';
import type { UserRecord } from './records.ts';

/** The attributes that the service can filter by (API reference of ListUsers). */
const ATTRIBUTES = [
  'username',
  'email',
  'phone_number',
  'name',
  'given_name',
  'family_name',
  'preferred_username',
  'cognito:user_status',
  'status',
  'sub',
] as const;
type FilterAttribute = (typeof ATTRIBUTES)[number];

/** `attribute = "value"` or `attribute ^= "value"`; a backslash escapes a quote or itself. */
const GRAMMAR = /^\s*([^\s=^"]+)\s*(\^?=)\s*"((?:[^"\\]|\\["\\])*)"\s*$/;

/** One parsed filter. */
export interface Filter {
  readonly attribute: FilterAttribute;
  readonly prefix: boolean;
  readonly value: string;
}

/** Parses a filter; undefined for an empty one, which matches all users. */
export function parseFilter(text: string | undefined): Filter | undefined {
  if (text === undefined || text.trim() === '') return undefined;
  const match = GRAMMAR.exec(text);
  if (match === null) throw invalidParameter('Error while parsing filter.');
  const [, name, operator, quoted] = match as unknown as [string, string, string, string];
  const attribute = ATTRIBUTES.find((known) => known === name);
  if (attribute === undefined) throw invalidParameter(`Invalid search attribute: ${name}`);
  return {
    attribute,
    prefix: operator === '^=',
    value: quoted.replaceAll(/\\(["\\])/g, '$1'),
  };
}

/**
 * True if a user matches. Only `cognito:user_status` ignores case: the reference says so, calls
 * username and status case-sensitive, and leaves the other attributes open.
 */
export function matches(filter: Filter, user: UserRecord): boolean {
  const actual = findValue(filter.attribute, user);
  if (actual === undefined) return false;
  if (filter.attribute === 'cognito:user_status') {
    return compare(actual.toLowerCase(), filter.value.toLowerCase(), filter.prefix);
  }
  return compare(actual, filter.value, filter.prefix);
}

function compare(actual: string, wanted: string, prefix: boolean): boolean {
  return prefix ? actual.startsWith(wanted) : actual === wanted;
}

function findValue(attribute: FilterAttribute, user: UserRecord): string | undefined {
  switch (attribute) {
    case 'username':
      return user.username;
    case 'cognito:user_status':
      return user.status;
    case 'status':
      return user.enabled ? 'Enabled' : 'Disabled';
    default:
      return user.attributes.get(attribute);
  }
}
