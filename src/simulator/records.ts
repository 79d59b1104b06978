/** The content of a simulated pool. Times are milliseconds since 1970. */

/** A way to receive codes by SMS, as the service stores it. */
export interface MfaOption {
  readonly DeliveryMedium: string;
  readonly AttributeName: string;
}

/** One user. */
export interface UserRecord {
  readonly username: string;
  readonly status: string;
  readonly enabled: boolean;
  readonly createdAt: number;
  readonly modifiedAt: number;
  /** All attributes by name, including `sub`. */
  readonly attributes: ReadonlyMap<string, string>;
  readonly mfaOptions: readonly MfaOption[];
}

/** One group; a field that was never set is null. */
export interface GroupRecord {
  readonly groupName: string;
  readonly description: string | null;
  readonly roleArn: string | null;
  readonly precedence: number | null;
  readonly createdAt: number;
  readonly modifiedAt: number;
}

/** The settings of a pool, as DescribeUserPool returns them. */
export interface PoolSettings {
  readonly id: string;
  readonly region: string;
  readonly account: string;
  readonly name: string;
  readonly arn: string;
  readonly createdAt: number;
  readonly mfaConfiguration: string;
}
