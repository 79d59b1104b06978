/** The calls that the mirror makes, by the service's own names. */
export type Operation =
  | 'ListUsers'
  | 'ListUsersInGroup'
  | 'ListGroups'
  | 'DescribeUserPool'
  | 'ListUserPools'
  | 'AdminGetUser';

/** The quotas that those calls fall under, as the service names them, without "Rate". */
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

/** Within UserPoolResourceRead each operation has this many requests a second per pool. */
export const PER_POOL_RPS: Readonly<Partial<Record<Operation, number>>> = { ListGroups: 5 };

/** What the mirror may use of an account and Region. */
export interface QuotaShares {
  /** Share of the list buckets and the pool reads: over 0, up to 1. */
  readonly share: number;
  /** The account's UserList quota, in requests a second: 30 unless the service says otherwise. */
  readonly userListRps: number;
}

/** AdminGetUser shares its quota with live sign-ins, so the mirror takes little of it. */
const USER_READ_SHARE = 0.1;

/** The attempts a second that the mirror may release in each bucket. */
export function allowedRates({ share, userListRps }: QuotaShares): Record<BucketName, number> {
  return {
    UserList: share * userListRps,
    UserPoolRead: share * 15,
    UserPoolResourceRead: share * 20,
    UserRead: USER_READ_SHARE * 120,
  };
}
