import type { Allowances } from '../config/pool-settings.ts';
import { type Buckets, createBuckets } from './buckets.ts';
import type { FairQueue } from './fair-queue.ts';
import { FairQueues, type QueueUsage } from './fair-queues.ts';
import { type LimiterBackend, localBackend } from './limiter.ts';
import { allowedRates, BUCKETS, type BucketName } from './quotas.ts';

/** The buckets of every account and Region that this process calls, each made when first asked for. */
export class AccountBuckets {
  readonly #lanes: FairQueues;
  readonly #allowances: Allowances;
  readonly #byAccount = new Map<string, Buckets>();

  constructor(pacing: LimiterBackend, allowances: Allowances) {
    this.#lanes = new FairQueues(pacing);
    this.#allowances = allowances;
  }

  /** The buckets of an account and Region. */
  of(accountId: string, region: string): Buckets {
    return this.#of(accountId, region, BUCKETS);
  }

  /**
   * Those of an account and Region that reads of pools and their groups pass. Who opens a bucket
   * sets its pace for all who share it, so whoever reads no user leaves the others alone.
   */
  ofGroups(accountId: string, region: string): Buckets {
    return this.#of(accountId, region, ['UserPoolRead', 'UserPoolResourceRead']);
  }

  /** The attempts a second that each bucket of an account and Region allows; opens none. */
  allowed(accountId: string, region: string): Record<BucketName, number> {
    return allowedRates(this.#allowances.of(accountId, region));
  }

  /**
   * For reads of pools alone, which tell what account a pool is in. As it is not known before, the
   * accounts of a Region share one such bucket, at the least share that any of them has.
   */
  ofRegion(region: string): Buckets {
    return createBuckets(new Map([['UserPoolRead', this.#poolReads(region)]]), {
      lanes: this.#lanes,
      scope: region,
      share: this.#allowances.leastShare(region),
    });
  }

  /** The UserList buckets together: attempts a second of this process now, and those allowed. */
  usage(): { rate: number; allowed: number } {
    const usages = this.usages().filter(({ bucket }) => bucket === 'UserList');
    return {
      rate: usages.reduce((sum, usage) => sum + usage.rate, 0),
      allowed: usages.reduce((sum, usage) => sum + usage.allowed, 0),
    };
  }

  /** Every bucket that was asked for, those of pools included. */
  usages(): QueueUsage[] {
    return this.#lanes.usages();
  }

  /** Rejects whoever waits, at once; bounded, also while Redis is away. */
  async close(): Promise<void> {
    await this.#lanes.close();
  }

  #of(accountId: string, region: string, names: readonly BucketName[]): Buckets {
    const scope = `${accountId}/${region}`;
    const key = `${scope}/${names.join()}`;
    let buckets = this.#byAccount.get(key);
    if (!buckets) {
      const { share } = this.#allowances.of(accountId, region);
      const allowed = this.allowed(accountId, region);
      const laneOf = (bucket: BucketName) =>
        bucket === 'UserPoolRead'
          ? this.#poolReads(region)
          : this.#lanes.of({ scope, bucket }, allowed[bucket]);
      const lanes = new Map(names.map((name) => [name, laneOf(name)]));
      buckets = createBuckets(lanes, { lanes: this.#lanes, scope, share });
      this.#byAccount.set(key, buckets);
    }
    return buckets;
  }

  #poolReads(region: string): FairQueue {
    const share = this.#allowances.leastShare(region);
    const { UserPoolRead } = allowedRates({ share, userListRps: 0 });
    return this.#lanes.of({ scope: region, bucket: 'UserPoolRead' }, UserPoolRead);
  }
}

/** Buckets held by this process alone. */
export function localAccountBuckets(allowances: Allowances): AccountBuckets {
  return new AccountBuckets(localBackend(), allowances);
}
