import type { Allowance } from '../../src/config/config.ts';
import { type AccountBuckets, localAccountBuckets } from '../../src/quota/account-buckets.ts';
import type { Buckets } from '../../src/quota/buckets.ts';

/** The buckets of one account and Region, held by this process alone. */
export interface TestBuckets extends Buckets {
  close(): Promise<void>;
}

export function openTestBuckets(shares: Allowance): TestBuckets {
  const allowances = { of: () => shares, leastShare: () => shares.share };
  const all: AccountBuckets = localAccountBuckets(allowances);
  return { ...all.of('111122223333', 'us-east-1'), close: () => all.close() };
}
