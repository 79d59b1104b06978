import type { AwsAccess } from '../aws/access.ts';
import type { ArchiveFormat, HttpSettings, LogLevel, Schedule } from '../config/config.ts';
import type { KeepRule } from '../config/keep-rule.ts';
import type { WebhookFormat } from '../config/notification-rules.ts';
import type { WriteQuotas } from '../config/write-quotas.ts';
import type { LockMode } from '../model/object-lock.ts';
import type { Encryption, StorageClass } from '../model/object-storage.ts';
import type { MirrorLogger } from './logger.ts';

/** Settings of one pool that differ from those of the mirror. */
export interface PoolOptions {
  /** The IAM role that reads the pool; the mirror's credentials assume it. */
  readonly role?: { readonly arn: string; readonly externalId?: string };
  /** Where the pool is read; by default the Region in its id. */
  readonly region?: string;
  /** When a worker mirrors the pool, as a cron expression. */
  readonly schedule?: string;
  /** The schedule's time zone, by its IANA name. */
  readonly timezone?: string;
  /** Where the pool's archive is stored. */
  readonly archiveUrl?: string;
  /** The storage class of its parts in S3. */
  readonly archiveStorageClass?: StorageClass;
  /** How its objects are locked; `none` if they are not. */
  readonly archiveLockMode?: LockMode | 'none';
  /** How many days parts stay locked. */
  readonly archiveLockDays?: number;
  /** How many days manifests and the documents beside them stay locked. */
  readonly archiveManifestLockDays?: number;
  /** The share of the pool's rows, 0 to 1, that a snapshot may remove before it is held. */
  readonly maxRemovedRatio?: number;
  /** The attributes that Postgres leaves out, and so the archive. */
  readonly omitAttributes?: readonly string[];
  /** The attributes that Postgres replaces by a keyed hash, and so the archive. */
  readonly hashAttributes?: readonly string[];
  /** The attributes that only the archive leaves out. */
  readonly archiveOmitAttributes?: readonly string[];
  /** The attributes that only the archive replaces by a keyed hash. */
  readonly archiveHashAttributes?: readonly string[];
  /** True to read the MFA states of its users. */
  readonly mfa?: boolean;
  /** The most calls for them in each snapshot. */
  readonly mfaBudget?: number;
  /** True if snapshots keep the settings of the pool. */
  readonly poolSettings?: boolean;
  /** The URL of its pings. */
  readonly pingUrl?: string;
}

/** How much of the quotas of an account and Region a mirror uses. */
export interface AccountQuotaOptions {
  /** The share of the list quotas, over 0 up to 1: 0.8 by default. */
  readonly share?: number;
  /** The UserList quota of the account in requests a second: 30 by default. */
  readonly userListRps?: number;
  /** The quotas of calls that write, in requests a second, where they were raised. */
  readonly writeQuotas?: WriteQuotas;
}

/** How much of the service's quotas a mirror uses. */
export interface QuotaOptions extends AccountQuotaOptions {
  /** Exceptions, by account id and then by Region. */
  readonly accounts?: Readonly<Record<string, Readonly<Record<string, AccountQuotaOptions>>>>;
}

/** How a mirror works. Every option has a default; docs/CONFIGURATION.md explains each under its variable. */
export interface MirrorOptions extends AwsAccess {
  /** The folder of the embedded state: `./.cognito-mirror` by default (MIRROR_HOME). */
  readonly home?: string;
  /** Postgres; by default an embedded one under `home` (DATABASE_URL). */
  readonly databaseUrl?: string | null;
  /** Redis, which workers need and which shares quotas between processes (REDIS_URL). */
  readonly redisUrl?: string | null;
  /** `s3://bucket/prefix` or `file:///folder`; by default a folder under `home` (ARCHIVE_URL). */
  readonly archiveUrl?: string;
  /** Parquet and JSON Lines by default (ARCHIVE_FORMATS). */
  readonly archiveFormats?: readonly ArchiveFormat[];
  /** The storage class of parts in S3; by default the bucket's own (ARCHIVE_STORAGE_CLASS). */
  readonly archiveStorageClass?: StorageClass | null;
  /** How S3 encrypts the archive; by default the bucket's own (ARCHIVE_SSE). */
  readonly archiveSse?: Encryption | null;
  /** The KMS key that encrypts the archive; by default the bucket's own (ARCHIVE_KMS_KEY_ID). */
  readonly archiveKmsKeyId?: string | null;
  /** How objects of the archive are locked by S3 Object Lock; by default not (ARCHIVE_LOCK_MODE). */
  readonly archiveLockMode?: LockMode | 'none' | null;
  /** How many days parts stay locked (ARCHIVE_LOCK_DAYS). */
  readonly archiveLockDays?: number | null;
  /** The same for manifests; by default as long as parts (ARCHIVE_MANIFEST_LOCK_DAYS). */
  readonly archiveManifestLockDays?: number | null;
  /** The key that signs manifests: a file, or `kms:` and an ARN; by default none (ARCHIVE_SIGNING_KEY). */
  readonly archiveSigningKey?: string | null;
  /** A file of OpenSSH's allowed signers: the keys that may sign; by default none (ARCHIVE_SIGNERS). */
  readonly archiveSigners?: string | null;
  /** How many snapshots of each kind stay in the archive; by default all of them (ARCHIVE_KEEP). */
  readonly archiveKeep?: KeepRule | null;
  /** The attributes that Postgres leaves out, and so the archive (MIRROR_OMIT_ATTRIBUTES). */
  readonly omitAttributes?: readonly string[];
  /** The attributes that Postgres replaces by a keyed hash, and so the archive (MIRROR_HASH_ATTRIBUTES). */
  readonly hashAttributes?: readonly string[];
  /** The attributes that only the archive leaves out (ARCHIVE_OMIT_ATTRIBUTES). */
  readonly archiveOmitAttributes?: readonly string[];
  /** The attributes that only the archive replaces by a keyed hash (ARCHIVE_HASH_ATTRIBUTES). */
  readonly archiveHashAttributes?: readonly string[];
  /** True if snapshots keep the settings of pools, with hashes for their secrets (MIRROR_POOL_SETTINGS). */
  readonly poolSettings?: boolean;
  /** The secret key of these hashes, at least 32 characters (MIRROR_HASH_KEY). */
  readonly hashKey?: string | null;
  /** The URL of pings to a dead man's switch; by default none (MIRROR_PING_URL). */
  readonly pingUrl?: string | null;
  /** Where webhooks go; by default nowhere (MIRROR_WEBHOOK_URL). */
  readonly webhookUrl?: string | null;
  /** The secret that signs them: `whsec_` and base64 (MIRROR_WEBHOOK_SECRET). */
  readonly webhookSecret?: string | null;
  /** Their form: `standard` by default, or `slack` (MIRROR_WEBHOOK_FORMAT). */
  readonly webhookFormat?: WebhookFormat;
  /** True if their receiver may have a private address (MIRROR_WEBHOOK_ALLOW_PRIVATE). */
  readonly webhookAllowPrivate?: boolean;
  readonly quotas?: QuotaOptions;
  /** The share of a pool's rows, 0 to 1, that a snapshot may remove before it is held: 0.1. */
  readonly maxRemovedRatio?: number;
  /** True to read the MFA states of users with AdminGetUser; by default false (MIRROR_MFA). */
  readonly mfa?: boolean;
  /** The most calls for them in each snapshot of a pool: 5,000 (MIRROR_MFA_BUDGET). */
  readonly mfaBudget?: number;
  /** Workers verify one of so many parts of each archive every day; by default none (MIRROR_VERIFY_SUBSET). */
  readonly verifySubsets?: number | null;
  /** How many days of history to keep; null keeps all of it. */
  readonly historyDays?: number | null;
  /** The pools that a worker mirrors, or `all` of the account and Region (COGNITO_POOLS). */
  readonly pools?: readonly string[] | 'all';
  /** When a worker mirrors a pool that has no schedule of its own: `0 2 * * *` in UTC. */
  readonly schedule?: Schedule;
  /** Settings of single pools, by pool id. */
  readonly perPool?: Readonly<Record<string, PoolOptions>>;
  /**
   * True to export OpenTelemetry traces of runs, as the `OTEL_…` variables of the process say. By default
   * off, and nothing of OpenTelemetry is loaded.
   */
  readonly traces?: boolean;
  /** What the mirror logs to: a logger such as pino's, or a level for JSON lines on standard error. */
  readonly logger?: MirrorLogger | LogLevel;
}

/** What `loadOptions` reads: options of a mirror, and settings of the command line and of workers. */
export interface LoadedOptions extends MirrorOptions {
  readonly home: string;
  readonly archiveUrl: string;
  readonly pools: readonly string[] | 'all';
  /** What names the pools, for messages: POOL on the command line, COGNITO_POOLS or MIRROR_CONFIG. */
  readonly poolsFrom: string;
  readonly logger: LogLevel;
  /** Where a worker answers HTTP. */
  readonly http: HttpSettings;
}
