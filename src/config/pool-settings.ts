import { parseRegion } from '../model/pool-id.ts';
import type { Allowance, Config, Schedule } from './config.ts';

/** A role of another account, by which a pool there is read. */
export interface Role {
  readonly arn: string;
  /** What the role's trust policy asks for; null where it asks for none. */
  readonly externalId: string | null;
}

/** What one pool is mirrored with. */
export interface PoolSettings {
  /** Null: the credentials of the environment. */
  readonly role: Role | null;
  /** Where the pool is read: the Region in its id, unless the file names another. */
  readonly region: string;
  readonly schedule: Schedule;
  readonly archiveUrl: string;
  /** The share of its rows that may vanish before a snapshot is held: 0 to 1. */
  readonly maxRemoved: number;
}

/** What a pool is mirrored with: its own settings of the file, else those of the environment. */
export function resolvePoolSettings(config: Config, poolId: string): PoolSettings {
  const { role, region, schedule, timezone, archiveUrl, maxRemoved } =
    config.file.pools.get(poolId) ?? {};
  return {
    role: role === undefined ? null : { arn: role.arn, externalId: role.externalId ?? null },
    region: region ?? parseRegion(poolId),
    schedule: {
      pattern: schedule ?? config.schedule.pattern,
      timezone: timezone ?? config.schedule.timezone,
    },
    archiveUrl: archiveUrl ?? config.archiveUrl,
    maxRemoved: maxRemoved ?? config.maxRemoved,
  };
}

/** What the mirror may use of each account and Region. */
export interface Allowances {
  of(accountId: string, region: string): Allowance;
  /** The least share that any account has in the Region. */
  leastShare(region: string): number;
}

/** What the file says of each account and Region, else what the environment says. */
export function resolveAllowances({
  allowance,
  file: { accounts },
}: Pick<Config, 'allowance' | 'file'>): Allowances {
  const of = (accountId: string, region: string): Allowance => {
    const entry = accounts.get(accountId)?.get(region);
    return {
      share: entry?.quotaShare ?? allowance.share,
      userListRps: entry?.userListRps ?? allowance.userListRps,
    };
  };
  return {
    of,
    leastShare: (region) =>
      Math.min(allowance.share, ...[...accounts.keys()].map((id) => of(id, region).share)),
  };
}
