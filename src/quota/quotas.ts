import type { Allowance } from '../config/config.ts';
import { WRITE_QUOTAS, type WriteQuotaName } from '../config/write-quotas.ts';

/** The calls that read, by the service's own names. */
export type ReadOperation =
  | 'ListUsers'
  | 'ListUsersInGroup'
  | 'ListGroups'
  | 'DescribeUserPool'
  | 'ListUserPools'
  | 'AdminGetUser'
  | 'AdminListGroupsForUser'
  | 'GetCSVHeader'
  | 'GetUserPoolMfaConfig'
  | 'ListUserPoolClients'
  | 'DescribeUserPoolClient'
  | 'ListIdentityProviders'
  | 'DescribeIdentityProvider'
  | 'ListResourceServers'
  | 'DescribeUserPoolDomain'
  | 'GetUICustomization'
  | 'ListTagsForResource';

/** The calls of a restore that write. */
export type WriteOperation =
  | 'CreateGroup'
  | 'UpdateGroup'
  | 'AdminCreateUser'
  | 'AdminSetUserPassword'
  | 'AdminUpdateUserAttributes'
  | 'AdminEnableUser'
  | 'AdminDisableUser'
  | 'AdminAddUserToGroup'
  | 'AdminLinkProviderForUser'
  | 'AdminSetUserMFAPreference';

/** The calls that the program makes. */
export type Operation = ReadOperation | WriteOperation;

/** The quotas of the calls that read a snapshot, by the service's names without "Rate". */
export const BUCKETS = [
  'UserList',
  'UserPoolRead',
  'UserPoolResourceRead',
  'UserPoolClientRead',
  'UserRead',
] as const;
/** The same for all calls that read: a restore also looks up single users. */
export const READ_BUCKETS = [...BUCKETS, 'UserResourceRead'] as const;
export type ReadBucketName = (typeof READ_BUCKETS)[number];
export type BucketName = ReadBucketName | WriteQuotaName;

/** The bucket of each call (quotas page of the developer guide). */
export const BUCKET_OF: Readonly<
  Record<ReadOperation, ReadBucketName> & Record<WriteOperation, WriteQuotaName>
> = {
  ListUsers: 'UserList',
  ListUsersInGroup: 'UserList',
  ListGroups: 'UserPoolResourceRead',
  DescribeUserPool: 'UserPoolRead',
  ListUserPools: 'UserPoolRead',
  AdminGetUser: 'UserRead',
  AdminListGroupsForUser: 'UserResourceRead',
  GetCSVHeader: 'UserPoolResourceRead',
  GetUserPoolMfaConfig: 'UserPoolResourceRead',
  ListUserPoolClients: 'UserPoolClientRead',
  DescribeUserPoolClient: 'UserPoolClientRead',
  ListIdentityProviders: 'UserPoolResourceRead',
  DescribeIdentityProvider: 'UserPoolResourceRead',
  ListResourceServers: 'UserPoolResourceRead',
  DescribeUserPoolDomain: 'UserPoolResourceRead',
  GetUICustomization: 'UserPoolResourceRead',
  ListTagsForResource: 'UserPoolResourceRead',
  CreateGroup: 'UserPoolResourceUpdate',
  UpdateGroup: 'UserPoolResourceUpdate',
  AdminCreateUser: 'UserCreation',
  AdminSetUserPassword: 'UserAccountRecovery',
  AdminUpdateUserAttributes: 'UserUpdate',
  AdminEnableUser: 'UserUpdate',
  AdminDisableUser: 'UserUpdate',
  AdminAddUserToGroup: 'UserResourceUpdate',
  AdminLinkProviderForUser: 'UserUpdate',
  AdminSetUserMFAPreference: 'UserUpdate',
};

/** Requests a second of each call for each pool, within its bucket (quotas page). */
export const PER_POOL_RPS: Readonly<Partial<Record<Operation, number>>> = {
  ListGroups: 5,
  GetCSVHeader: 5,
  GetUserPoolMfaConfig: 5,
  ListUserPoolClients: 5,
  DescribeUserPoolClient: 5,
  ListIdentityProviders: 5,
  DescribeIdentityProvider: 5,
  ListResourceServers: 5,
  DescribeUserPoolDomain: 5,
  GetUICustomization: 5,
  ListTagsForResource: 5,
  CreateGroup: 5,
  UpdateGroup: 5,
};

/** True for a call that writes: those have shares of their own. */
export function isWrite(operation: Operation): operation is WriteOperation {
  return BUCKET_OF[operation] in WRITE_QUOTAS;
}

/**
 * Requests a second of UserRead for the mirror. Live sign-ins use this quota of 120 too, so the mirror takes
 * a tenth, whatever its share of the others.
 */
export const USER_READ_RPS = 12;

/** The attempts a second that the mirror may release in each bucket of reads. */
export function allowedRates({ share, userListRps }: Allowance): Record<ReadBucketName, number> {
  return {
    UserList: share * userListRps,
    UserPoolRead: share * 15,
    UserPoolResourceRead: share * 20,
    UserPoolClientRead: share * 15,
    UserRead: USER_READ_RPS,
    UserResourceRead: share * 50,
  };
}

/**
 * The attempts a second that a restore may release in each bucket of writes.
 *
 * @param share of the account's quotas, over 0 and up to 1
 */
export function allowedWriteRates(
  { writeQuotas }: Allowance,
  share: number,
): Record<WriteQuotaName, number> {
  const quotas = Object.entries({ ...WRITE_QUOTAS, ...writeQuotas });
  return Object.fromEntries(quotas.map(([name, rps]) => [name, share * rps])) as Record<
    WriteQuotaName,
    number
  >;
}
