/** The delivery of a legacy SMS or e-mail second factor, from the service's `MFAOptions`. */
export interface MfaOption {
  readonly deliveryMedium: string | null;
  readonly attributeName: string | null;
}

/**
 * One user of a pool, as the mirror stores it. Text that Postgres cannot store is escaped, and
 * `escaped` names those attributes or fields (see `storable.ts`).
 */
export interface User {
  readonly username: string;
  /** The service's immutable id of the user; null only if a server omits it. */
  readonly sub: string | null;
  /** `CONFIRMED`, `EXTERNAL_PROVIDER` and others; the service adds values over time. */
  readonly status: string | null;
  readonly enabled: boolean | null;
  readonly createdAt: Date | null;
  readonly modifiedAt: Date | null;
  /** Every attribute by name, `sub` included. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly mfaOptions: readonly MfaOption[];
  readonly escaped: readonly string[];
}

/** What only AdminGetUser returns about a user: its second factors. */
export interface MfaState {
  /** The `sub` of the person who has the name. */
  readonly sub: string | null;
  /** `SOFTWARE_TOKEN_MFA`, `SMS_MFA` and others, sorted; the service adds values over time. */
  readonly settings: readonly string[];
  readonly preferred: string | null;
}

/** One group of a pool, as the mirror stores it. */
export interface Group {
  readonly groupName: string;
  readonly description: string | null;
  readonly roleArn: string | null;
  /** 0 is the highest, null the lowest. */
  readonly precedence: number | null;
  readonly createdAt: Date | null;
  readonly modifiedAt: Date | null;
  /** The fields whose text is escaped. */
  readonly escaped: readonly string[];
}

/** A pool's description from DescribeUserPool, as the mirror stores it. */
export interface Pool {
  readonly poolId: string;
  readonly name: string | null;
  readonly arn: string;
  readonly accountId: string;
  readonly region: string;
  /** The service's estimate, of undocumented freshness: use it for planning only. */
  readonly estimatedUsers: number;
  readonly mfaConfiguration: string | null;
  /** The sorted names of the pool's custom attributes, with `custom:` or `dev:custom:`. */
  readonly customAttributes: readonly string[];
}
