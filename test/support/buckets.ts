import type { Allowance } from '../../src/config/config.ts';
import { localAccountBuckets } from '../../src/quota/account-buckets.ts';
import type { Buckets } from '../../src/quota/buckets.ts';

/** The buckets of one account and Region, held by this process alone. */
export function openTestBuckets(shares: Allowance): Buckets {
  const allowances = { of: () => shares, leastShare: () => shares.share };
  return localAccountBuckets(allowances).of('111122223333', 'us-east-1');
}
