import type { AwsAccess } from '../aws/access.ts';
import { findPoolLockProblems } from '../config/archive-lock.ts';
import type { Config } from '../config/config.ts';
import { formatKeepRule } from '../config/keep-rule.ts';
import { loadConfig } from '../config/load-config.ts';
import { parseSettings } from '../config/load-file.ts';
import { findPoolPrivacyProblems } from '../config/privacy-rules.ts';
import { formatWriteQuotas } from '../config/write-quotas.ts';
import { ActionRequiredError } from '../model/errors.ts';
import type { AccountQuotaOptions, MirrorOptions, QuotaOptions } from './options.ts';

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
