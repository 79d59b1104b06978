import type { AwsAccess } from '../aws/access.ts';
import { findPoolLockProblems } from '../config/archive-lock.ts';
import type { ArchiveFormat, Config, HttpSettings, LogLevel, Schedule } from '../config/config.ts';
import type { AllowanceEntry, ConfigFile } from '../config/file-schema.ts';
import { formatKeepRule, type KeepRule } from '../config/keep-rule.ts';
import { type LoadOptions, loadConfig } from '../config/load-config.ts';
import { parseSettings } from '../config/load-file.ts';
import type { WebhookFormat } from '../config/notification-rules.ts';
import { findPoolPrivacyProblems } from '../config/privacy-rules.ts';
import { formatWriteQuotas, parseWriteQuotas, type WriteQuotas } from '../config/write-quotas.ts';
import { ActionRequiredError } from '../model/errors.ts';
import type { LockMode } from '../model/object-lock.ts';
import type { Encryption, StorageClass } from '../model/object-storage.ts';
import { asksForTraces } from '../telemetry/tracing.ts';
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

const PROXY_VARIABLES = ['HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY', 'NO_PROXY'];

/** Reads the options from environment variables, and from the file of MIRROR_CONFIG. */
export function readOptions(env: NodeJS.ProcessEnv, needs?: LoadOptions): LoadedOptions {
  const { allowance, file, logLevel, ...config } = loadConfig(env, needs);
  return {
    ...config,
    quotas: {
      ...allowance,
      accounts: readAccounts(file.accounts) ?? {},
    },
    perPool: Object.fromEntries(file.pools) as Record<string, PoolOptions>,
    logger: logLevel,
    traces: asksForTraces(env),
    proxies: Object.fromEntries(
      PROXY_VARIABLES.flatMap((name) => [name, name.toLowerCase()]).map((name) => [
        name,
        env[name],
      ]),
    ),
  };
}

function readAccounts(accounts: ConfigFile['accounts']): QuotaOptions['accounts'] {
  const readEntry = ({ quotaShare: share, userListRps, writeQuotas }: AllowanceEntry) => ({
    ...(share !== undefined && { share }),
    ...(userListRps !== undefined && { userListRps }),
    ...(writeQuotas !== undefined && { writeQuotas: parseWriteQuotas(writeQuotas) }),
  });
  return Object.fromEntries(
    [...accounts].map(([id, regions]) => [
      id,
      Object.fromEntries([...regions].map(([region, entry]) => [region, readEntry(entry)])),
    ]),
  );
}

/** The accounts in the form of the file. */
function writeAccounts({ accounts = {} }: QuotaOptions): unknown {
  const writeEntry = ({ share: quotaShare, writeQuotas, ...rest }: AccountQuotaOptions) => ({
    ...rest,
    ...(quotaShare !== undefined && { quotaShare }),
    ...(writeQuotas !== undefined && { writeQuotas: formatWriteQuotas(writeQuotas) }),
  });
  return Object.fromEntries(
    Object.entries(accounts).map(([id, regions]) => [
      id,
      Object.fromEntries(
        Object.entries(regions).map(([region, entry]) => [region, writeEntry(entry)]),
      ),
    ]),
  );
}

/** The option that each variable is the name of, for messages. */
const OPTIONS: Readonly<Record<string, string>> = {
  MIRROR_HOME: 'home',
  DATABASE_URL: 'databaseUrl',
  REDIS_URL: 'redisUrl',
  ARCHIVE_URL: 'archiveUrl',
  ARCHIVE_FORMATS: 'archiveFormats',
  ARCHIVE_STORAGE_CLASS: 'archiveStorageClass',
  ARCHIVE_SSE: 'archiveSse',
  ARCHIVE_KMS_KEY_ID: 'archiveKmsKeyId',
  ARCHIVE_LOCK_MODE: 'archiveLockMode',
  ARCHIVE_LOCK_DAYS: 'archiveLockDays',
  ARCHIVE_MANIFEST_LOCK_DAYS: 'archiveManifestLockDays',
  ARCHIVE_SIGNING_KEY: 'archiveSigningKey',
  ARCHIVE_SIGNERS: 'archiveSigners',
  ARCHIVE_KEEP: 'archiveKeep',
  MIRROR_OMIT_ATTRIBUTES: 'omitAttributes',
  MIRROR_HASH_ATTRIBUTES: 'hashAttributes',
  ARCHIVE_OMIT_ATTRIBUTES: 'archiveOmitAttributes',
  ARCHIVE_HASH_ATTRIBUTES: 'archiveHashAttributes',
  MIRROR_POOL_SETTINGS: 'poolSettings',
  MIRROR_HASH_KEY: 'hashKey',
  MIRROR_PING_URL: 'pingUrl',
  MIRROR_WEBHOOK_URL: 'webhookUrl',
  MIRROR_WEBHOOK_SECRET: 'webhookSecret',
  MIRROR_WEBHOOK_FORMAT: 'webhookFormat',
  MIRROR_WEBHOOK_ALLOW_PRIVATE: 'webhookAllowPrivate',
  MIRROR_QUOTA_SHARE: 'quotas.share',
  MIRROR_USER_LIST_RPS: 'quotas.userListRps',
  MIRROR_WRITE_QUOTAS: 'quotas.writeQuotas',
  MIRROR_MAX_REMOVED_RATIO: 'maxRemovedRatio',
  MIRROR_MFA: 'mfa',
  MIRROR_MFA_BUDGET: 'mfaBudget',
  MIRROR_HISTORY_DAYS: 'historyDays',
  MIRROR_VERIFY_SUBSET: 'verifySubsets',
  MIRROR_SCHEDULE: 'schedule.pattern',
  MIRROR_TIMEZONE: 'schedule.timezone',
  COGNITO_POOLS: 'pools',
  AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER: 'endpoints.cognito',
  AWS_ENDPOINT_URL_S3: 'endpoints.s3',
  AWS_ENDPOINT_URL_KMS: 'endpoints.kms',
  AWS_ENDPOINT_URL_STS: 'endpoints.sts',
};

/** How the options reach AWS. */
export function toAccess({ credentials, region, endpoints, proxies }: MirrorOptions): AwsAccess {
  return {
    ...(credentials && { credentials }),
    ...(region && { region }),
    ...(endpoints && { endpoints }),
    ...(proxies && { proxies }),
  };
}

/**
 * Checks options and fills in the defaults, by the rules of the environment variables.
 *
 * @throws ActionRequiredError with every problem, named by its option
 */
export function toConfig(options: MirrorOptions & { readonly poolsFrom?: string }): Config {
  const { quotas = {}, perPool = {}, schedule, endpoints } = options;
  const { pools = Object.keys(perPool) } = options;
  const variables: Record<string, string | number | boolean | null | undefined> = {
    MIRROR_HOME: options.home,
    DATABASE_URL: options.databaseUrl,
    REDIS_URL: options.redisUrl,
    ARCHIVE_URL: options.archiveUrl,
    ARCHIVE_FORMATS: options.archiveFormats?.join(','),
    ARCHIVE_STORAGE_CLASS: options.archiveStorageClass,
    ARCHIVE_SSE: options.archiveSse,
    ARCHIVE_KMS_KEY_ID: options.archiveKmsKeyId,
    ARCHIVE_LOCK_MODE: options.archiveLockMode,
    ARCHIVE_LOCK_DAYS: options.archiveLockDays,
    ARCHIVE_MANIFEST_LOCK_DAYS: options.archiveManifestLockDays,
    ARCHIVE_SIGNING_KEY: options.archiveSigningKey,
    ARCHIVE_SIGNERS: options.archiveSigners,
    ARCHIVE_KEEP: options.archiveKeep && formatKeepRule(options.archiveKeep),
    MIRROR_OMIT_ATTRIBUTES: options.omitAttributes?.join(','),
    MIRROR_HASH_ATTRIBUTES: options.hashAttributes?.join(','),
    ARCHIVE_OMIT_ATTRIBUTES: options.archiveOmitAttributes?.join(','),
    ARCHIVE_HASH_ATTRIBUTES: options.archiveHashAttributes?.join(','),
    MIRROR_POOL_SETTINGS: options.poolSettings,
    MIRROR_HASH_KEY: options.hashKey,
    MIRROR_PING_URL: options.pingUrl,
    MIRROR_WEBHOOK_URL: options.webhookUrl,
    MIRROR_WEBHOOK_SECRET: options.webhookSecret,
    MIRROR_WEBHOOK_FORMAT: options.webhookFormat,
    MIRROR_WEBHOOK_ALLOW_PRIVATE: options.webhookAllowPrivate,
    MIRROR_QUOTA_SHARE: quotas.share,
    MIRROR_USER_LIST_RPS: quotas.userListRps,
    MIRROR_WRITE_QUOTAS: quotas.writeQuotas && formatWriteQuotas(quotas.writeQuotas),
    MIRROR_MAX_REMOVED_RATIO: options.maxRemovedRatio,
    MIRROR_MFA: options.mfa,
    MIRROR_MFA_BUDGET: options.mfaBudget,
    MIRROR_HISTORY_DAYS: options.historyDays,
    MIRROR_VERIFY_SUBSET: options.verifySubsets,
    MIRROR_SCHEDULE: schedule?.pattern,
    MIRROR_TIMEZONE: schedule?.timezone,
    COGNITO_POOLS: typeof pools === 'string' ? pools : pools.join(','),
    AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER: endpoints?.cognito,
    AWS_ENDPOINT_URL_S3: endpoints?.s3,
    AWS_ENDPOINT_URL_KMS: endpoints?.kms,
    AWS_ENDPOINT_URL_STS: endpoints?.sts,
  };
  const set = Object.entries(variables).flatMap(([name, value]) =>
    value === undefined || value === null ? [] : [[name, String(value)]],
  );
  try {
    const config = loadConfig(Object.fromEntries(set), {}, new Map(Object.entries(perPool)));
    const file = parseSettings({ pools: perPool, accounts: writeAccounts(quotas) });
    const contradictions = [
      ...findPoolLockProblems(config, file.pools),
      ...findPoolPrivacyProblems(config, file.pools),
    ];
    if (contradictions.length > 0) throw new ActionRequiredError(contradictions);
    return { ...config, file, poolsFrom: options.poolsFrom ?? 'pools' };
  } catch (error) {
    if (!(error instanceof ActionRequiredError)) throw error;
    throw new ActionRequiredError(
      error.problems.map(({ subject, ...rest }) => ({
        ...rest,
        subject: OPTIONS[subject] ?? subject,
      })),
      { cause: error },
    );
  }
}
