import type { Group, User } from '../model/directory.ts';
import type { CreateUserTask, GroupFields, LinkTask } from '../model/restore.ts';
import { unescapeUnstorable } from '../model/storable.ts';

/**
 * A write whose answer was lost is repeated, and the repetition is refused because the thing exists.
 * These tell what the lost attempt made from what something else made: it is exactly as wanted.
 */

/** True if a user is as AdminCreateUser with this task leaves it. */
export function isSameUser(found: User, task: CreateUserTask): boolean {
  if (found.status !== 'FORCE_CHANGE_PASSWORD' || found.enabled === false) return false;
  const names = new Set([...Object.keys(found.attributes), ...Object.keys(task.attributes)]);
  names.delete('sub');
  return [...names].every((name) => {
    const value = readAttribute(found, name);
    // A pool that signs in by addresses makes an attribute of the sign-in name.
    return value === (task.attributes[name] ?? '') || value === task.signInName;
  });
}

/** True if a group has these fields. */
export function isSameGroup(found: Group, fields: GroupFields): boolean {
  const description = found.escaped.includes('description')
    ? unescapeUnstorable(found.description ?? '')
    : found.description;
  return (
    description === fields.description &&
    found.roleArn === fields.roleArn &&
    found.precedence === fields.precedence
  );
}

/** True if a user is linked with this identity. */
export function hasIdentity(found: User, { providerName, userId }: LinkTask): boolean {
  const identities = parseList(readAttribute(found, 'identities'));
  return identities.some(
    (each) => each['providerName'] === providerName && String(each['userId']) === userId,
  );
}

/** A missing attribute is empty: the service removes an attribute that is set to an empty value. */
function readAttribute({ attributes, escaped }: User, name: string): string {
  const value = attributes[name] ?? '';
  return escaped.includes(name) ? unescapeUnstorable(value) : value;
}

function parseList(json: string): Record<string, unknown>[] {
  try {
    const list = JSON.parse(json) as unknown;
    return Array.isArray(list) ? list.filter((each) => typeof each === 'object' && each) : [];
  } catch {
    return [];
  }
}
