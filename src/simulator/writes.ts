import { type Call, findPool } from './call.ts';
import { invalidParameter, ServiceError } from './errors.ts';
import type { GroupFields } from './group-store.ts';
import { groupJson, userJson } from './json.ts';
import type { SimulatedPool } from './pool.ts';
import { isInSchema } from './reads.ts';
import type { Input } from './requests.ts';

/** AdminCreateUser: a native user who must set a password. Usernames are case-sensitive. */
export function adminCreateUser(call: Call): string {
  const pool = findPool(call);
  const { Username: username, MessageAction } = call.input;
  if (MessageAction === 'RESEND') return resend(pool, username);
  const user = pool.createUser({ username, attributes: readAttributes(call, pool) });
  return `{"User":${userJson(user)}}`;
}

/** AdminDeleteUser: deletes the user and its memberships. */
export function adminDeleteUser(call: Call): string {
  findPool(call).deleteUser(call.input.Username);
  return '{}';
}

/** AdminUpdateUserAttributes. */
export function adminUpdateUserAttributes(call: Call): string {
  const pool = findPool(call);
  pool.updateAttributes(call.input.Username, readAttributes(call, pool));
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

/** The attributes of a request. Names must be in the pool's schema, and `sub` cannot be set. */
function readAttributes(call: Call, pool: SimulatedPool): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (const { Name: name, Value: value } of call.input.UserAttributes ?? []) {
    if (name === 'sub') throw invalidParameter('Cannot modify the non-mutable attribute sub');
    if (!isInSchema(pool, name)) {
      throw invalidParameter(
        `Attributes did not conform to the schema: Type for attribute {${name}} could not be determined`,
      );
    }
    attributes[name] = value ?? '';
  }
  return attributes;
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
