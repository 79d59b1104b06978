import type { GroupRecord, UserRecord } from './records.ts';

/**
 * The service's JSON of users and groups, written as text: at full speed a page of 60 users is
 * made more than a thousand times a second.
 */

/** A time as the service writes it: seconds since 1970, with a fraction. */
export function seconds(milliseconds: number): number {
  return milliseconds / 1000;
}

/** The same as text; to print the digits of a fraction is what costs most of a user. */
function secondsJson(milliseconds: number): string {
  if (milliseconds < 0 || !Number.isInteger(milliseconds)) return String(seconds(milliseconds));
  const whole = Math.floor(milliseconds / 1000);
  return `${whole}.${String(1000 + (milliseconds - whole * 1000)).slice(1)}`;
}

/** Text that JSON holds as it is: most of what a page holds, and much cheaper to tell than to quote. */
const PLAIN = /^[ !#-[\]-~]*$/;

function quoted(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}

/** A list of Name and Value; only the named attributes where `only` is given. */
export function attributesJson(user: UserRecord, only?: readonly string[]): string {
  let text = '[';
  for (const [name, value] of user.attributes) {
    if (only !== undefined && !only.includes(name)) continue;
    if (text.length > 1) text += ',';
    text += `{"Name":${quoted(name)},"Value":${quoted(value)}}`;
  }
  return `${text}]`;
}

/** The fields that a user has in every operation, without braces and without the attributes. */
export function commonUserJson(user: UserRecord): string {
  const mfa = user.mfaOptions.length > 0 ? `,"MFAOptions":${JSON.stringify(user.mfaOptions)}` : '';
  return `"Username":${quoted(user.username)},"UserCreateDate":${secondsJson(user.createdAt)},"UserLastModifiedDate":${secondsJson(user.modifiedAt)},"Enabled":${user.enabled},"UserStatus":${quoted(user.status)}${mfa}`;
}

/** A user as the lists give it. */
export function userJson(user: UserRecord, only?: readonly string[]): string {
  return `{${commonUserJson(user)},"Attributes":${attributesJson(user, only)}}`;
}

/** A group; fields that it has not are left out. */
export function groupJson(group: GroupRecord, poolId: string): string {
  return JSON.stringify({
    GroupName: group.groupName,
    UserPoolId: poolId,
    Description: group.description ?? undefined,
    RoleArn: group.roleArn ?? undefined,
    Precedence: group.precedence ?? undefined,
    LastModifiedDate: seconds(group.modifiedAt),
    CreationDate: seconds(group.createdAt),
  });
}
