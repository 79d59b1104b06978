import type { GroupRecord, UserRecord } from './records.ts';

/**
 * The service's JSON of users and groups, written as text: at full speed a page of 60 users is
 * made more than a thousand times a second.
 */

/** A time as the service writes it: seconds since 1970, with a fraction. */
export function seconds(milliseconds: number): number {
  return milliseconds / 1000;
}

/** A list of Name and Value; only the named attributes where `only` is given. */
export function attributesJson(user: UserRecord, only?: readonly string[]): string {
  let text = '';
  for (const [name, value] of user.attributes) {
    if (only !== undefined && !only.includes(name)) continue;
    text += `${text === '' ? '' : ','}{"Name":${JSON.stringify(name)},"Value":${JSON.stringify(value)}}`;
  }
  return `[${text}]`;
}

/** The fields that a user has in every operation, without braces and without the attributes. */
export function commonUserJson(user: UserRecord): string {
  const mfa = user.mfaOptions.length > 0 ? `,"MFAOptions":${JSON.stringify(user.mfaOptions)}` : '';
  return `"Username":${JSON.stringify(user.username)},"UserCreateDate":${seconds(user.createdAt)},"UserLastModifiedDate":${seconds(user.modifiedAt)},"Enabled":${user.enabled},"UserStatus":${JSON.stringify(user.status)}${mfa}`;
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
