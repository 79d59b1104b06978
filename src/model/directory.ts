/** How a legacy SMS or e-mail second factor is delivered, as the service's `MFAOptions` gives it. */
export interface MfaOption {
  readonly deliveryMedium: string | null;
  readonly attributeName: string | null;
}

/**
 * One profile of a user pool, in the form the mirror keeps.
 *
 * Text is already storable: what Postgres cannot hold is escaped, and `escaped` names the
 * attributes (or fields) in which that happened (see `storable.ts`).
 */
export interface User {
  readonly username: string;
  /** The service's immutable id of the person; null only where a server left it out. */
  readonly sub: string | null;
  /** `CONFIRMED`, `EXTERNAL_PROVIDER`, …; text, as the service adds values over time. */
  readonly status: string | null;
  readonly enabled: boolean | null;
  readonly createdAt: Date | null;
  readonly modifiedAt: Date | null;
  /** Every attribute by name, `sub` included. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly mfaOptions: readonly MfaOption[];
  readonly escaped: readonly string[];
}

/** One group of a user pool, in the form the mirror keeps. */
export interface Group {
  readonly groupName: string;
  readonly description: string | null;
  readonly roleArn: string | null;
  /** 0 is the highest; null is the lowest. */
  readonly precedence: number | null;
  readonly createdAt: Date | null;
  readonly modifiedAt: Date | null;
  /** The fields whose text is stored in its escaped form. */
  readonly escaped: readonly string[];
}

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
