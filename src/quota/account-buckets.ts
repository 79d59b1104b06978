import type { Allowances } from '../config/pool-settings.ts';
import type { WriteQuotaName } from '../config/write-quotas.ts';
import type { BucketUsage } from '../telemetry/metrics-load.ts';
import { type Buckets, createBuckets } from './buckets.ts';
import type { FairQueue } from './fair-queue.ts';
import { FairQueues } from './fair-queues.ts';
import { type LimiterBackend, localBackend } from './limiter.ts';
import {
  allowedRates,
  allowedWriteRates,
  BUCKETS,
  type BucketName,
  READ_BUCKETS,
  type ReadBucketName,
} from './quotas.ts';

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

  /** The buckets for comparing a pool with a snapshot, before a restore. */
  ofComparison(accountId: string, region: string): Buckets {
    return this.#open(accountId, region, READ_BUCKETS);
  }

  /**
   * The buckets for a restore: those of reads, and those of writes at a share of their own.
   *
   * @param writeShare of the quotas of writes, over 0 and up to 1
   */
  ofRestore(accountId: string, region: string, writeShare: number): Buckets {
    const scope = `${accountId}/${region}`;
    const writes = Object.entries(this.allowedWrites(accountId, region, writeShare));
    const queues = new Map<BucketName, FairQueue>(this.#openReads(accountId, region, READ_BUCKETS));
    for (const [bucket, rate] of writes) {
      queues.set(bucket as WriteQuotaName, this.#queues.open({ scope, bucket }, rate));
    }
    const { share } = this.#allowances.of(accountId, region);
    return createBuckets(queues, { all: this.#queues, scope, share, writeShare });
  }

  /** The attempts a second that each bucket of reads of an account and Region allows; opens no bucket. */
  allowed(accountId: string, region: string): Record<ReadBucketName, number> {
    return allowedRates(this.#allowances.of(accountId, region));
  }

  /** The same for the buckets of writes, at a share of their quotas. */
  allowedWrites(
    accountId: string,
    region: string,
    writeShare: number,
  ): Record<WriteQuotaName, number> {
    return allowedWriteRates(this.#allowances.of(accountId, region), writeShare);
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

  #open(accountId: string, region: string, names: readonly ReadBucketName[]): Buckets {
    const scope = `${accountId}/${region}`;
    const key = `${scope}/${names.join()}`;
    let buckets = this.#opened.get(key);
    if (!buckets) {
      const { share } = this.#allowances.of(accountId, region);
      const queues = new Map(this.#openReads(accountId, region, names));
      buckets = createBuckets(queues, { all: this.#queues, scope, share });
      this.#opened.set(key, buckets);
    }
    return buckets;
  }

  #openReads(
    accountId: string,
    region: string,
    names: readonly ReadBucketName[],
  ): (readonly [ReadBucketName, FairQueue])[] {
    const scope = `${accountId}/${region}`;
    const allowed = this.allowed(accountId, region);
    return names.map((bucket) => [
      bucket,
      bucket === 'UserPoolRead'
        ? this.#openPoolRead(region)
        : this.#queues.open({ scope, bucket }, allowed[bucket]),
    ]);
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
