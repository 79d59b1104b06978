import { randomUUID } from 'node:crypto';
import { checkPassword } from './accounts.ts';
import { type Call, findPool } from './call.ts';
import { invalidParameter, ServiceError } from './errors.ts';
import type { GroupFields } from './group-store.ts';
import { groupJson, userJson } from './json.ts';
import type { SimulatedPool } from './pool.ts';
import type { Input } from './requests.ts';
import { checkChangedAttributes, checkNewAttributes } from './schema.ts';

/**
 * AdminCreateUser: a native user who must set a password. Usernames are case-sensitive. In a pool that
 * signs in by an address, the request's username is that address, and the pool chooses the username.
 */
export function adminCreateUser(call: Call): string {
  const pool = findPool(call);
  const { Username: given, MessageAction, TemporaryPassword } = call.input;
  if (MessageAction === 'RESEND') return resend(pool, given);
  const address = findAddress(pool, given);
  const attributes = {
    ...(address === undefined ? {} : { [address]: given }),
    ...readAttributes(call),
  };
  checkNewAttributes(pool.settings.schema, attributes);
  if (TemporaryPassword !== undefined) {
    checkPassword(TemporaryPassword, pool.settings.passwordPolicy);
  }
  pool.runTrigger('PreSignUp');
  const sub = randomUUID();
  const username = address === undefined ? given : sub;
  return `{"User":${userJson(pool.createUser({ username, sub, attributes }))}}`;
}

/** The attribute that a username of the request is in a pool that signs in by addresses. */
function findAddress({ settings }: SimulatedPool, username: string): string | undefined {
  const { usernameAttributes } = settings;
  if (usernameAttributes.length === 0) return undefined;
  if (usernameAttributes.includes('email') && username.includes('@')) return 'email';
  if (usernameAttributes.includes('phone_number') && /^\+\d+$/.test(username))
    return 'phone_number';
  const kinds = usernameAttributes.map((name) =>
    name === 'email' ? 'an email' : 'a phone number',
  );
  throw invalidParameter(`Username should be ${kinds.join(' or ')}.`);
}

/** AdminDeleteUser: deletes the user and its memberships. */
export function adminDeleteUser(call: Call): string {
  findPool(call).deleteUser(call.input.Username);
  return '{}';
}

/** AdminUpdateUserAttributes. */
export function adminUpdateUserAttributes(call: Call): string {
  const pool = findPool(call);
  const attributes = readAttributes(call);
  checkChangedAttributes(pool.settings.schema, attributes);
  pool.updateAttributes(call.input.Username, attributes);
  return '{}';
}

/** AdminEnableUser. */
export function adminEnableUser(call: Call): string {
  findPool(call).changeUser(call.input.Username, { enabled: true });
  return '{}';
}

/** AdminDisableUser. */
export function adminDisableUser(call: Call): string {
  findPool(call).changeUser(call.input.Username, { enabled: false });
  return '{}';
}

/** Resends the invitation: changes nothing, but the user must exist and wait for one. */
function resend(pool: SimulatedPool, username: string): string {
  const user = pool.user(username);
  if (user.status !== 'FORCE_CHANGE_PASSWORD') {
    throw new ServiceError(
      'UnsupportedUserStateException',
      `Resend not possible. ${user.status} is not FORCE_CHANGE_PASSWORD.`,
    );
  }
  return `{"User":${userJson(user)}}`;
}

function readAttributes({ input }: Call): Record<string, string> {
  const pairs = input.UserAttributes ?? [];
  return Object.fromEntries(pairs.map(({ Name, Value }) => [Name, Value ?? '']));
}

/** CreateGroup. */
export function createGroup(call: Call): string {
  const pool = findPool(call);
  const group = pool.createGroup(call.input.GroupName, readGroupFields(call.input));
  return `{"Group":${groupJson(group, pool.settings.id)}}`;
}

/** UpdateGroup: changes only the given fields. */
export function updateGroup(call: Call): string {
  const pool = findPool(call);
  const group = pool.updateGroup(call.input.GroupName, readGroupFields(call.input));
  return `{"Group":${groupJson(group, pool.settings.id)}}`;
}

/** DeleteGroup: deletes the group and its memberships. */
export function deleteGroup(call: Call): string {
  findPool(call).deleteGroup(call.input.GroupName);
  return '{}';
}

/** AdminAddUserToGroup. */
export function adminAddUserToGroup(call: Call): string {
  findPool(call).addToGroup(call.input.Username, call.input.GroupName);
  return '{}';
}

/** AdminRemoveUserFromGroup. */
export function adminRemoveUserFromGroup(call: Call): string {
  findPool(call).removeFromGroup(call.input.Username, call.input.GroupName);
  return '{}';
}

function readGroupFields({ Description, RoleArn, Precedence }: Input): GroupFields {
  return {
    ...(Description === undefined ? {} : { description: Description }),
    ...(RoleArn === undefined ? {} : { roleArn: RoleArn }),
    ...(Precedence === undefined ? {} : { precedence: Precedence }),
  };
}
