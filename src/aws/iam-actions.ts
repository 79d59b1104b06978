/**
 * The IAM actions of everything that the program calls, by what they are needed for. `iam-policy`,
 * docs/IAM.md and the templates under `deploy` have no others; `test/launcher/policies.test.ts` compares
 * them with the calls in the sources.
 */
export const IAM_ACTIONS = {
  readPool: [
    'cognito-idp:DescribeUserPool',
    'cognito-idp:ListUsers',
    'cognito-idp:ListUsersInGroup',
    'cognito-idp:ListGroups',
    'cognito-idp:AdminGetUser',
  ],
  /** It names no pool. */
  listPools: ['cognito-idp:ListUserPools'],
  poolSettings: [
    'cognito-idp:GetUserPoolMfaConfig',
    'cognito-idp:ListUserPoolClients',
    'cognito-idp:DescribeUserPoolClient',
    'cognito-idp:ListIdentityProviders',
    'cognito-idp:DescribeIdentityProvider',
    'cognito-idp:ListResourceServers',
    'cognito-idp:GetUICustomization',
    'cognito-idp:ListTagsForResource',
  ],
  /** It names no pool. */
  poolDomain: ['cognito-idp:DescribeUserPoolDomain'],
  restore: [
    'cognito-idp:CreateGroup',
    'cognito-idp:UpdateGroup',
    'cognito-idp:AdminCreateUser',
    'cognito-idp:AdminSetUserPassword',
    'cognito-idp:AdminUpdateUserAttributes',
    'cognito-idp:AdminEnableUser',
    'cognito-idp:AdminDisableUser',
    'cognito-idp:AdminAddUserToGroup',
    'cognito-idp:AdminLinkProviderForUser',
    'cognito-idp:AdminSetUserMFAPreference',
    'cognito-idp:AdminListGroupsForUser',
    'cognito-idp:GetCSVHeader',
  ],
  /** The service passes the role of a group in the caller's name. */
  groupRoles: ['iam:PassRole'],
  assumeRole: ['sts:AssumeRole'],
  listArchive: ['s3:ListBucket'],
  writeArchive: ['s3:PutObject', 's3:GetObject', 's3:DeleteObject', 's3:AbortMultipartUpload'],
  listVersions: ['s3:ListBucketVersions'],
  deleteVersions: ['s3:DeleteObjectVersion', 's3:GetObjectVersion'],
  locks: ['s3:PutObjectRetention', 's3:GetObjectRetention'],
  findObjectLock: ['s3:GetBucketObjectLockConfiguration'],
  /** `doctor` looks at the lifecycle rules. */
  examineArchive: ['s3:GetLifecycleConfiguration'],
  /** S3 asks KMS in the caller's name. */
  encrypt: ['kms:GenerateDataKey', 'kms:Decrypt'],
  sign: ['kms:GetPublicKey', 'kms:Sign'],
} as const satisfies Record<string, readonly string[]>;
