import type { Schema } from './schema.ts';

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
  /** The second factors that are active, such as `SOFTWARE_TOKEN_MFA`. Only AdminGetUser shows them. */
  readonly mfaSettings: readonly string[];
  readonly preferredMfa: string | null;
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

/** What passwords must have, in the service's names. */
export interface PasswordPolicy {
  readonly MinimumLength: number;
  readonly RequireUppercase: boolean;
  readonly RequireLowercase: boolean;
  readonly RequireNumbers: boolean;
  readonly RequireSymbols: boolean;
  readonly TemporaryPasswordValidityDays: number;
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
  /** `LITE`, `ESSENTIALS` or `PLUS`. */
  readonly tier: string;
  /** `email` or `phone_number`, by which users sign in; their usernames are then made by the pool. */
  readonly usernameAttributes: readonly string[];
  /** Attributes by which users can sign in besides their username. */
  readonly aliasAttributes: readonly string[];
  /** The ARNs of Lambda functions by trigger, such as `PreSignUp`. */
  readonly triggers: Readonly<Record<string, string>>;
  readonly passwordPolicy: PasswordPolicy;
  /** Identity providers by name, with their types, such as `Google`, `SAML` or `OIDC`. */
  readonly providers: ReadonlyMap<string, string>;
  readonly schema: Schema;
}
