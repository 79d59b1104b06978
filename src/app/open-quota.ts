import type { Config } from '../config/config.ts';
import { resolveAllowances } from '../config/pool-settings.ts';
import { AccountBuckets, localAccountBuckets } from '../quota/account-buckets.ts';
import type { RedisConnection } from '../redis/connection.ts';
import type { Logger } from '../telemetry/logger.ts';

/** The buckets that this process passes. */
export interface Quota {
  readonly buckets: AccountBuckets;
  /** The Redis that shares them out; null if this process has its own. */
  readonly redis: RedisConnection | null;
  close(): Promise<void>;
}

/**
 * Opens the buckets: over Redis, together with all who have the same, or this process's own.
 *
 * @param log receives later problems with Redis.
 * @throws ActionRequiredError if Redis cannot be reached or used.
 */
export async function openQuota(config: Config, log: Logger, signal: AbortSignal): Promise<Quota> {
  const allowances = resolveAllowances(config);
  if (config.redisUrl === null) {
    const buckets = localAccountBuckets(allowances);
    return { buckets, redis: null, close: () => buckets.close() };
  }
  const { openRedis } = await import('../redis/connection.ts');
  const { clusteredBackend } = await import('../quota/clustered/limiter.ts');
  const { assertLimiterUsable } = await import('../quota/clustered/require-usable.ts');
  const redis = await openRedis(config.redisUrl, signal, log);
  try {
    await assertLimiterUsable(redis);
  } catch (error) {
    redis.close();
    throw error;
  }
  const buckets = new AccountBuckets(clusteredBackend(redis, log), allowances);
  return {
    buckets,
    redis,
    async close() {
      await buckets.close();
      redis.close();
    },
  };
}
