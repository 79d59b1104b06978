import { hash } from 'node:crypto';
import type { Group } from '../../model/group.ts';
import type { MfaOption, User } from '../../model/user.ts';

/**
 * The version of the hash. Hashes of another version say nothing, so that the first snapshot after
 * a change here compares every row in full and still calls no unchanged user modified.
 */
const HASH_VERSION = 1;

/**
 * A user as the JSON text of a row to stage. It is built by hand, as the text of what is hashed is
 * most of the row, and each user of a pool passes here in every snapshot.
 */
export function stagedUser(walk: number, user: User): string {
  const content =
    `"sub":${JSON.stringify(user.sub)},"status":${JSON.stringify(user.status)},` +
    `"enabled":${user.enabled},"created_at":${moment(user.createdAt)},` +
    `"modified_at":${moment(user.modifiedAt)},"attributes":${sortedObject(user.attributes)},` +
    `"mfa_options":${mfaOptions(user.mfaOptions)},"escaped":${JSON.stringify(user.escaped)}`;
  // 128 bits of SHA-256, in the form of a uuid: 16 bytes in Postgres, compared as one value.
  const digest = hash('sha256', `${HASH_VERSION}${content}`, 'hex').slice(0, 32);
  return `{"walk":${walk},"username":${JSON.stringify(user.username)},"hash":"${digest}",${content}}`;
}

/** A membership as the JSON text of a row to stage. */
export function stagedMember(walk: number, member: User): string {
  return `{"walk":${walk},"username":${JSON.stringify(member.username)},"sub":${JSON.stringify(member.sub)}}`;
}

/** A group as a row to stage. */
export function stagedGroup(group: Group): object {
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

function moment(date: Date | null): string {
  return date === null ? 'null' : `"${date.toISOString()}"`;
}

function sortedObject(attributes: Readonly<Record<string, string>>): string {
  const names = Object.keys(attributes).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${JSON.stringify(attributes[name])}`).join(',')}}`;
}

/** In the service's own names, as readers know them from its documentation. */
function mfaOptions(options: readonly MfaOption[]): string {
  if (options.length === 0) return 'null';
  return JSON.stringify(
    options.map((option) => ({
      DeliveryMedium: option.deliveryMedium,
      AttributeName: option.attributeName,
    })),
  );
}
