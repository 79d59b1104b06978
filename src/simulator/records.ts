/** What a simulated pool holds. Times are milliseconds since 1970. */

export interface MfaOption {
  readonly DeliveryMedium: string;
  readonly AttributeName: string;
}

/** One profile. */
export interface UserRecord {
  readonly username: string;
  readonly status: string;
  readonly enabled: boolean;
  readonly createdAt: number;
  readonly modifiedAt: number;
  /** Every attribute by name, `sub` included. */
  readonly attributes: ReadonlyMap<string, string>;
  readonly mfaOptions: readonly MfaOption[];
}

/** One group; a field that was never given is null. */
export interface GroupRecord {
  readonly groupName: string;
  readonly description: string | null;
  readonly roleArn: string | null;
  readonly precedence: number | null;
  readonly createdAt: number;
  readonly modifiedAt: number;
}

/** What a pool says of itself. */
export interface PoolSettings {
  readonly id: string;
  readonly region: string;
  readonly account: string;
  readonly name: string;
  readonly arn: string;
  readonly createdAt: number;
  readonly mfaConfiguration: string;
}
