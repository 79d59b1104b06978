import type { Allowances } from '../config/pool-settings.ts';
import type { BucketUsage } from '../telemetry/metrics-load.ts';
import { type Buckets, createBuckets } from './buckets.ts';
import type { FairQueue } from './fair-queue.ts';
import { FairQueues } from './fair-queues.ts';
import { type LimiterBackend, localBackend } from './limiter.ts';
import { allowedRates, BUCKETS, type BucketName } from './quotas.ts';

/** The buckets of every account and Region that this process calls, opened on first use. */
export class AccountBuckets {
  readonly #queues: FairQueues;
  readonly #allowances: Allowances;
  readonly #opened = new Map<string, Buckets>();

  constructor(backend: LimiterBackend, allowances: Allowances) {
    this.#queues = new FairQueues(backend);
    this.#allowances = allowances;
  }

  /** The buckets of an account and Region. */
  of(accountId: string, region: string): Buckets {
    return this.#open(accountId, region, BUCKETS);
  }

  /**
   * The buckets for reading pools and groups only. Opening a bucket sets the rate for all processes
   * that share it, so a reader of groups must not open the buckets of users.
   */
  ofGroups(accountId: string, region: string): Buckets {
    return this.#open(accountId, region, ['UserPoolRead', 'UserPoolResourceRead']);
  }

  /** The attempts a second that each bucket of an account and Region allows; opens no bucket. */
  allowed(accountId: string, region: string): Record<BucketName, number> {
    return allowedRates(this.#allowances.of(accountId, region));
  }

  /**
   * The bucket for describing pools before their account is known. The accounts of a Region share
   * it, at the smallest share of any of them.
   */
  ofRegion(region: string): Buckets {
    return createBuckets(new Map([['UserPoolRead', this.#openPoolRead(region)]]), {
      all: this.#queues,
      scope: region,
      share: this.#allowances.leastShare(region),
    });
  }

  /** All UserList buckets together: attempts a second of this process now, and the allowed rate. */
  usage(): { rate: number; allowed: number } {
    const usages = this.usages().filter(({ bucket }) => bucket === 'UserList');
    return {
      rate: usages.reduce((sum, usage) => sum + usage.rate, 0),
      allowed: usages.reduce((sum, usage) => sum + usage.allowed, 0),
    };
  }

  /** Every open bucket, including those of quotas per pool. */
  usages(): BucketUsage[] {
    return this.#queues.usages();
  }

  /** Rejects all waiters at once, also while Redis is down. */
  async close(): Promise<void> {
    await this.#queues.close();
  }

  #open(accountId: string, region: string, names: readonly BucketName[]): Buckets {
    const scope = `${accountId}/${region}`;
    const key = `${scope}/${names.join()}`;
    let buckets = this.#opened.get(key);
    if (!buckets) {
      const { share } = this.#allowances.of(accountId, region);
      const allowed = this.allowed(accountId, region);
      const openQueue = (bucket: BucketName) =>
        bucket === 'UserPoolRead'
          ? this.#openPoolRead(region)
          : this.#queues.open({ scope, bucket }, allowed[bucket]);
      const queues = new Map(names.map((name) => [name, openQueue(name)]));
      buckets = createBuckets(queues, { all: this.#queues, scope, share });
      this.#opened.set(key, buckets);
    }
    return buckets;
  }

  #openPoolRead(region: string): FairQueue {
    const share = this.#allowances.leastShare(region);
    const { UserPoolRead } = allowedRates({ share, userListRps: 0 });
    return this.#queues.open({ scope: region, bucket: 'UserPoolRead' }, UserPoolRead);
  }
}

/** Buckets of this process alone. */
export function localAccountBuckets(allowances: Allowances): AccountBuckets {
  return new AccountBuckets(localBackend(), allowances);
}
