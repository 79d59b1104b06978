import type { Call } from './call.ts';
import { invalidParameter, ServiceError } from './errors.ts';
import { findPool } from './find-pool.ts';
import { userJson } from './json.ts';
import type { SimulatedPool } from './pool.ts';
import { isInSchema } from './reads.ts';

/** AdminCreateUser: a native user who must set a password. Names differ by case. */
export function adminCreateUser(call: Call): string {
  const pool = findPool(call);
  const { Username: username, MessageAction } = call.input;
  if (MessageAction === 'RESEND') return resend(pool, username);
  const user = pool.createUser({ username, attributes: attributesOf(call, pool) });
  return `{"User":${userJson(user)}}`;
}

/** AdminDeleteUser: the user goes, and its memberships with it. */
export function adminDeleteUser(call: Call): string {
  findPool(call).deleteUser(call.input.Username);
  return '{}';
}

/** AdminUpdateUserAttributes. */
export function adminUpdateUserAttributes(call: Call): string {
  const pool = findPool(call);
  pool.updateAttributes(call.input.Username, attributesOf(call, pool));
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

/** The invitation again: nothing changes, but the user must exist and be waiting for it. */
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

/** The attributes of a request; names must be in the pool's schema, and sub is the service's. */
function attributesOf(call: Call, pool: SimulatedPool): Record<string, string> {
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
