import type { Allowances } from '../config/allowances.ts';
import type { RedisConnection } from '../redis/connection.ts';
import { AccountBuckets } from './account-buckets.ts';
import { clusteredPacing } from './clustered/pacing.ts';

export { tryPacing } from './clustered/try-pacing.ts';

/**
 * Buckets shared by every process on the same Redis. While Redis is away nothing is released.
 * Close them before the connection.
 */
export function clusteredAccountBuckets(
  redis: RedisConnection,
  allowances: Allowances,
): AccountBuckets {
  return new AccountBuckets(clusteredPacing(redis), allowances);
}
