import { hash } from 'node:crypto';
import type { WrittenName } from '../../model/columns.ts';
import type { Group, MfaOption, User } from '../../model/directory.ts';
import { declareColumns, listedColumns } from './columns.ts';

/** The columns of a staged user in JSON, for `jsonb_to_recordset`. */
export const STAGED_USER = `hash uuid, ${declareColumns(listedColumns('users'))}`;
/** The columns of a staged group in JSON. */
export const STAGED_GROUP = declareColumns(listedColumns('groups'));

/**
 * The version of the hash. A hash of another version equals none, so the first snapshot after a change
 * of `formatUser` compares every row in full. It still reports no unchanged user as modified.
 */
const HASH_VERSION = 1;

/** Each listed column of a user as JSON text. */
const USER_VALUES: Record<WrittenName<'users'>, (user: User) => string> = {
  sub: (user) => JSON.stringify(user.sub),
  status: (user) => JSON.stringify(user.status),
  enabled: (user) => String(user.enabled),
  created_at: (user) => formatTime(user.createdAt),
  modified_at: (user) => formatTime(user.modifiedAt),
  attributes: (user) => formatAttributes(user.attributes),
  mfa_options: (user) => formatMfaOptions(user.mfaOptions),
  escaped: (user) => JSON.stringify(user.escaped),
};
const USER_ENTRIES = Object.entries(USER_VALUES);

/**
 * A user as the JSON text of a row to stage, to which the caller adds the walk. The text of what is
 * hashed is most of the row, and each user of a pool passes here in every snapshot: so it is built by
 * hand and once.
 */
export function formatUser(walk: number, user: User): string {
  let content = '';
  for (const [name, format] of USER_ENTRIES) content += `,"${name}":${format(user)}`;
  // 128 bits of SHA-256, in the form of a uuid: 16 bytes in Postgres, compared as one value.
  const digest = hash('sha256', `${HASH_VERSION}${content}`, 'hex').slice(0, 32);
  return `{"walk":${walk},"username":${JSON.stringify(user.username)},"hash":"${digest}"${content}}`;
}

/** The columns of a user's row in `directory.users` that the mirror writes. */
export interface UserColumns {
  readonly username: string;
  readonly sub: string | null;
  readonly status: string | null;
  readonly enabled: boolean | null;
  readonly created_at: Date | null;
  readonly modified_at: Date | null;
  readonly attributes: Readonly<Record<string, string>>;
  readonly mfa_options: readonly MFAOption[] | null;
  readonly escaped: readonly string[];
}

/** The service's own field names. */
interface MFAOption {
  readonly DeliveryMedium: string | null;
  readonly AttributeName: string | null;
}

/** The user of a row, which `formatUser` turns into the same columns again. */
export function toUser({
  created_at: createdAt,
  modified_at: modifiedAt,
  mfa_options: options,
  ...same
}: UserColumns): User {
  const mfaOptions = (options ?? []).map(({ DeliveryMedium, AttributeName }) => ({
    deliveryMedium: DeliveryMedium,
    attributeName: AttributeName,
  }));
  return { ...same, createdAt, modifiedAt, mfaOptions };
}

/** A membership as the JSON text of a row to stage. */
export function formatMember(walk: number, member: User): string {
  return `{"walk":${walk},"username":${JSON.stringify(member.username)},"sub":${JSON.stringify(member.sub)}}`;
}

/** A group as a row to stage. */
export function toGroupRow(
  group: Group,
): Record<'group_name' | WrittenName<'groups'>, Group[keyof Group]> {
  return {
    group_name: group.groupName,
    description: group.description,
    role_arn: group.roleArn,
    precedence: group.precedence,
    created_at: group.createdAt,
    modified_at: group.modifiedAt,
    escaped: group.escaped,
  };
}

function formatTime(date: Date | null): string {
  return date === null ? 'null' : `"${date.toISOString()}"`;
}

/** Sorted by name, so that the order of the service's response does not change the hash. */
function formatAttributes(attributes: Readonly<Record<string, string>>): string {
  const names = Object.keys(attributes).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${JSON.stringify(attributes[name])}`).join(',')}}`;
}

/** In the service's own field names, as its documentation has them. */
function formatMfaOptions(options: readonly MfaOption[]): string {
  if (options.length === 0) return 'null';
  return JSON.stringify(
    options.map((option) => ({
      DeliveryMedium: option.deliveryMedium,
      AttributeName: option.attributeName,
    })),
  );
}
