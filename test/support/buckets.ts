import { expect } from 'vitest';
import type { Allowance } from '../../src/config/config.ts';
import { AccountBuckets } from '../../src/quota/account-buckets.ts';
import type { Buckets } from '../../src/quota/buckets.ts';
import { localBackend } from '../../src/quota/limiter.ts';
import type { Operation } from '../../src/quota/quotas.ts';
import type { Simulator } from '../../src/simulator/index.ts';
import { mostInAnySecond } from '../quota/sliding.ts';

/** An attempt that its bucket released. */
export interface Release {
  readonly operation: Operation;
  /** By `performance.now()`, in milliseconds. */
  readonly at: number;
}

/** Buckets that this process does not share, and what they released. */
export class TestAccountBuckets extends AccountBuckets {
  readonly releases: Release[] = [];

  constructor(allowance: Allowance) {
    super(localBackend(), { of: () => allowance, leastShare: () => allowance.share });
  }

  override of(accountId: string, region: string): Buckets {
    return this.#record(super.of(accountId, region));
  }

  override ofGroups(accountId: string, region: string): Buckets {
    return this.#record(super.ofGroups(accountId, region));
  }

  override ofRestore(accountId: string, region: string, writeShare: number): Buckets {
    return this.#record(super.ofRestore(accountId, region, writeShare));
  }

  override ofRegion(region: string): Buckets {
    return this.#record(super.ofRegion(region));
  }

  #record(buckets: Buckets): Buckets {
    return {
      ...buckets,
      run: (operation, poolId, attempt, signal, priority) => {
        const release = () => {
          this.releases.push({ operation, at: performance.now() });
          return attempt();
        };
        return buckets.run(operation, poolId, release, signal, priority);
      },
    };
  }
}

/** The buckets of one account and Region. */
export interface TestBuckets extends Buckets {
  readonly releases: readonly Release[];
  close(): Promise<void>;
}

/** @param writeShare opens the buckets of writes too, with this share of their quotas */
export function openTestBuckets(allowance: Allowance, writeShare?: number): TestBuckets {
  const all = new TestAccountBuckets(allowance);
  const place = ['111122223333', 'us-east-1'] as const;
  return {
    ...(writeShare === undefined ? all.of(...place) : all.ofRestore(...place, writeShare)),
    releases: all.releases,
    close: () => all.close(),
  };
}

export const USER_LIST: readonly Operation[] = ['ListUsers', 'ListUsersInGroup'];

/**
 * The most attempts of these operations released in any second. When they reach the service also
 * depends on the machine, so releases are measured; the service must not have seen others.
 */
export function peakOf(
  releases: readonly Release[],
  simulator: Simulator,
  operations: readonly Operation[],
): number {
  const released = releases.filter(({ operation }) => operations.includes(operation));
  const seen = operations.map((operation) => simulator.attempts.count({ operation }));
  // The service does not see an attempt that was aborted on its way.
  expect(released.length).toBeGreaterThanOrEqual(seen.reduce((sum, count) => sum + count, 0));
  return mostInAnySecond(released.map(({ at }) => at));
}
