import type { Allowances } from '../../config/pool-settings.ts';
import type { RedisConnection } from '../../redis/connection.ts';
import { AccountBuckets } from '../account-buckets.ts';
import { clusteredBackend } from './limiter.ts';

export { assertLimiterUsable } from './require-usable.ts';

/**
 * Buckets shared by every process on the same Redis. While Redis is away nothing is released.
 * Close them before the connection.
 */
export function clusteredAccountBuckets(
  redis: RedisConnection,
  allowances: Allowances,
): AccountBuckets {
  return new AccountBuckets(clusteredBackend(redis), allowances);
}
