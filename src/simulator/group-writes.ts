import type { Call } from './call.ts';
import { findPool } from './find-pool.ts';
import type { GroupFields } from './group-store.ts';
import { groupJson } from './json.ts';
import type { Input } from './requests.ts';

/** CreateGroup. */
export function createGroup(call: Call): string {
  const pool = findPool(call);
  const group = pool.createGroup(call.input.GroupName, fieldsOf(call.input));
  return `{"Group":${groupJson(group, pool.settings.id)}}`;
}

/** UpdateGroup: changes the fields that are given. */
export function updateGroup(call: Call): string {
  const pool = findPool(call);
  const group = pool.updateGroup(call.input.GroupName, fieldsOf(call.input));
  return `{"Group":${groupJson(group, pool.settings.id)}}`;
}

/** DeleteGroup: the group goes, and its memberships with it. */
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

function fieldsOf({ Description, RoleArn, Precedence }: Input): GroupFields {
  return {
    ...(Description === undefined ? {} : { description: Description }),
    ...(RoleArn === undefined ? {} : { roleArn: RoleArn }),
    ...(Precedence === undefined ? {} : { precedence: Precedence }),
  };
}
