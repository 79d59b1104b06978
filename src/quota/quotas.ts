import type { Allowance } from '../config/config.ts';

/** The calls that the mirror makes, by the service's own names. */
export type Operation =
  | 'ListUsers'
  | 'ListUsersInGroup'
  | 'ListGroups'
  | 'DescribeUserPool'
  | 'ListUserPools'
  | 'AdminGetUser';

/** The quotas of those calls, by the service's names without "Rate". */
export const BUCKETS = ['UserList', 'UserPoolRead', 'UserPoolResourceRead', 'UserRead'] as const;
export type BucketName = (typeof BUCKETS)[number];

/** The bucket of each call (quotas page of the developer guide). */
export const BUCKET_OF: Readonly<Record<Operation, BucketName>> = {
  ListUsers: 'UserList',
  ListUsersInGroup: 'UserList',
  ListGroups: 'UserPoolResourceRead',
  DescribeUserPool: 'UserPoolRead',
  ListUserPools: 'UserPoolRead',
  AdminGetUser: 'UserRead',
};

/** Requests a second for each pool, within UserPoolResourceRead. */
export const PER_POOL_RPS: Readonly<Partial<Record<Operation, number>>> = { ListGroups: 5 };

/** Live sign-ins use the quota of AdminGetUser too, so the mirror takes a small part. */
const USER_READ_SHARE = 0.1;

/** The attempts a second that the mirror may release in each bucket. */
export function allowedRates({ share, userListRps }: Allowance): Record<BucketName, number> {
  return {
    UserList: share * userListRps,
    UserPoolRead: share * 15,
    UserPoolResourceRead: share * 20,
    UserRead: USER_READ_SHARE * 120,
  };
}
