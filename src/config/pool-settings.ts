import type { ArchiveLock } from '../model/object-lock.ts';
import type { StorageClass } from '../model/object-storage.ts';
import { parseRegion } from '../model/pool-id.ts';
import type { PrivacyRules } from '../model/privacy.ts';
import { resolveLock } from './archive-lock.ts';
import type { Allowance, Config, Schedule, WebhookSettings } from './config.ts';
import { POOL_PLACEHOLDER } from './notification-rules.ts';
import { resolvePrivacy } from './privacy-rules.ts';
import { parseWriteQuotas } from './write-quotas.ts';

/** The IAM role to assume before a pool is read. */
export interface Role {
  readonly arn: string;
  /** Null if the role's trust policy does not require one. */
  readonly externalId: string | null;
}

/** The settings of one pool. */
export interface PoolSettings {
  /** Null: the credentials of the environment. */
  readonly role: Role | null;
  /** The Region to read the pool in. */
  readonly region: string;
  readonly schedule: Schedule;
  readonly archiveUrl: string;
  /** The storage class of parts. Null: the bucket's default. */
  readonly archiveStorageClass: StorageClass | null;
  /** How the objects of the archive are locked. Null: they are not. */
  readonly archiveLock: ArchiveLock | null;
  /** The share of its rows that a snapshot may remove without a review, 0 to 1. */
  readonly maxRemovedRatio: number;
  /** What Postgres hides, and what the archive hides in addition. */
  readonly privacy: { readonly database: PrivacyRules; readonly archive: PrivacyRules };
  /** The most AdminGetUser calls for MFA states in each snapshot. Null: none are read. */
  readonly mfaBudget: number | null;
  /** True if snapshots keep the settings of the pool. */
  readonly poolSettings: boolean;
  /** The URL of its pings. A secret. Null: none. */
  readonly pingUrl: string | null;
}

/** A pool's settings in the file, completed from the environment. */
export function resolvePoolSettings(config: Config, poolId: string): PoolSettings {
  const entry = config.file.pools.get(poolId) ?? {};
  const { role } = entry;
  return {
    role: role === undefined ? null : { arn: role.arn, externalId: role.externalId ?? null },
    region: entry.region ?? parseRegion(poolId),
    schedule: {
      pattern: entry.schedule ?? config.schedule.pattern,
      timezone: entry.timezone ?? config.schedule.timezone,
    },
    archiveUrl: entry.archiveUrl ?? config.archiveUrl,
    archiveStorageClass: entry.archiveStorageClass ?? config.archiveStorageClass,
    archiveLock: resolveLock(config, entry),
    maxRemovedRatio: entry.maxRemovedRatio ?? config.maxRemovedRatio,
    privacy: resolvePrivacy(config, entry),
    mfaBudget: (entry.mfa ?? config.mfa) ? (entry.mfaBudget ?? config.mfaBudget) : null,
    poolSettings: entry.poolSettings ?? config.poolSettings,
    pingUrl:
      (entry.pingUrl ?? config.pingUrl)?.replaceAll(POOL_PLACEHOLDER, poolId.toLowerCase()) ?? null,
  };
}

/** The quotas that the mirror may use, by account and Region. */
export interface Allowances {
  of(accountId: string, region: string): Allowance;
  /** The smallest share of any account in the Region. */
  leastShare(region: string): number;
}

/** The quotas in the file, completed from the environment. */
export function resolveAllowances({
  allowance,
  file: { accounts },
}: Pick<Config, 'allowance' | 'file'>): Allowances {
  const of = (accountId: string, region: string): Allowance => {
    const entry = accounts.get(accountId)?.get(region);
    const { writeQuotas } = entry ?? {};
    return {
      ...allowance,
      share: entry?.quotaShare ?? allowance.share,
      userListRps: entry?.userListRps ?? allowance.userListRps,
      ...(writeQuotas !== undefined && { writeQuotas: parseWriteQuotas(writeQuotas) }),
    };
  };
  return {
    of,
    leastShare: (region) =>
      Math.min(allowance.share, ...[...accounts.keys()].map((id) => of(id, region).share)),
  };
}

/** Where webhooks go, or null. */
export function resolveWebhook(config: Config): WebhookSettings | null {
  const { webhookUrl: url, webhookSecret: secret, webhookFormat: format } = config;
  return url === null ? null : { url, secret, format, allowPrivate: config.webhookAllowPrivate };
}
