import type { Allowances } from '../config/allowances.ts';
import { type Buckets, bucketsOf } from './buckets.ts';
import type { Lane } from './lane.ts';
import { Lanes, type LaneUsage } from './lanes.ts';
import { localPacing, type Pacing } from './pacing.ts';
import { allowedRates, BUCKETS, type BucketName } from './quotas.ts';

/** The buckets of every account and Region that this process calls, each made when first asked for. */
export class AccountBuckets {
  readonly #lanes: Lanes;
  readonly #allowances: Allowances;
  readonly #byAccount = new Map<string, Buckets>();

  constructor(pacing: Pacing, allowances: Allowances) {
    this.#lanes = new Lanes(pacing);
    this.#allowances = allowances;
  }

  /** The buckets of an account and Region. */
  of(accountId: string, region: string): Buckets {
    const scope = `${accountId}/${region}`;
    let buckets = this.#byAccount.get(scope);
    if (!buckets) {
      const shares = this.#allowances.of(accountId, region);
      const allowed = allowedRates(shares);
      const laneOf = (bucket: BucketName) =>
        bucket === 'UserPoolRead'
          ? this.#poolReads(region)
          : this.#lanes.of({ scope, bucket }, allowed[bucket]);
      buckets = bucketsOf(new Map(BUCKETS.map((name) => [name, laneOf(name)])), {
        lanes: this.#lanes,
        scope,
        share: shares.share,
      });
      this.#byAccount.set(scope, buckets);
    }
    return buckets;
  }

  /**
   * For reads of pools alone, which tell what account a pool is in. As it is not known before, the
   * accounts of a Region share one such bucket, at the least share that any of them has.
   */
  ofRegion(region: string): Buckets {
    return bucketsOf(new Map([['UserPoolRead', this.#poolReads(region)]]), {
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
  usages(): LaneUsage[] {
    return this.#lanes.usages();
  }

  /** Rejects whoever waits, at once; bounded, also while Redis is away. */
  async close(): Promise<void> {
    await this.#lanes.close();
  }

  #poolReads(region: string): Lane {
    const share = this.#allowances.leastShare(region);
    const { UserPoolRead } = allowedRates({ share, userListRps: 0 });
    return this.#lanes.of({ scope: region, bucket: 'UserPoolRead' }, UserPoolRead);
  }
}

/** Buckets held by this process alone. */
export function localAccountBuckets(allowances: Allowances): AccountBuckets {
  return new AccountBuckets(localPacing(), allowances);
}
