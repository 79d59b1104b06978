import type { GroupRecord, UserRecord } from './records.ts';

/**
 * The service's JSON for users and groups, concatenated as text for speed: without quotas, over a
 * thousand pages of 60 users are rendered per second.
 */

/** A time in the service's form: seconds since 1970, with a fraction. */
export function toSeconds(milliseconds: number): number {
  return milliseconds / 1000;
}

/** The same as text. Formatting the fraction is the largest cost of rendering a user. */
function toSecondsJson(milliseconds: number): string {
  if (milliseconds < 0 || !Number.isInteger(milliseconds)) return String(toSeconds(milliseconds));
  const whole = Math.floor(milliseconds / 1000);
  return `${whole}.${String(1000 + (milliseconds - whole * 1000)).slice(1)}`;
}

/** Text that JSON needs no escapes for. This check is much cheaper than quoting, and mostly true. */
const PLAIN = /^[ !#-[\]-~]*$/;

function quote(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}

/** A list of names and values, reduced to `only` if it is given. */
export function attributesJson(user: UserRecord, only?: readonly string[]): string {
  let text = '[';
  for (const [name, value] of user.attributes) {
    if (only !== undefined && !only.includes(name)) continue;
    if (text.length > 1) text += ',';
    text += `{"Name":${quote(name)},"Value":${quote(value)}}`;
  }
  return `${text}]`;
}

/** The fields that every operation returns for a user, without braces and attributes. */
export function commonUserJson(user: UserRecord): string {
  const mfa = user.mfaOptions.length > 0 ? `,"MFAOptions":${JSON.stringify(user.mfaOptions)}` : '';
  return `"Username":${quote(user.username)},"UserCreateDate":${toSecondsJson(user.createdAt)},"UserLastModifiedDate":${toSecondsJson(user.modifiedAt)},"Enabled":${user.enabled},"UserStatus":${quote(user.status)}${mfa}`;
}

/** A user in the form of the list operations. */
export function userJson(user: UserRecord, only?: readonly string[]): string {
  return `{${commonUserJson(user)},"Attributes":${attributesJson(user, only)}}`;
}

/** A group without its empty fields. */
export function groupJson(group: GroupRecord, poolId: string): string {
  return JSON.stringify({
    GroupName: group.groupName,
    UserPoolId: poolId,
    Description: group.description ?? undefined,
    RoleArn: group.roleArn ?? undefined,
    Precedence: group.precedence ?? undefined,
    LastModifiedDate: toSeconds(group.modifiedAt),
    CreationDate: toSeconds(group.createdAt),
  });
}
