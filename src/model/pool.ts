/** What DescribeUserPool tells of a pool, in the form the mirror keeps. */
export interface Pool {
  readonly poolId: string;
  readonly name: string | null;
  readonly arn: string;
  readonly accountId: string;
  readonly region: string;
  /** The service's estimate, of undocumented freshness: good for planning, no proof. */
  readonly estimatedUsers: number;
  readonly mfaConfiguration: string | null;
  /** The names of the pool's own attributes, `custom:` and `dev:custom:` included, sorted. */
  readonly customAttributes: readonly string[];
}
