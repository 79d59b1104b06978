import type { Allowances } from '../config/allowances.ts';
import { type Buckets, bucketsOf, type NewPacer } from './buckets.ts';
import { Lane } from './lane.ts';
import { localPacer } from './pacer.ts';
import { allowedRates, BUCKETS, type BucketName } from './quotas.ts';

/** The buckets of every account and Region that this process calls, each made when first asked for. */
export class AccountBuckets {
  readonly #newPacer: NewPacer;
  readonly #allowances: Allowances;
  readonly #byAccount = new Map<string, Buckets>();
  readonly #byRegion = new Map<string, { lane: Lane; buckets: Buckets }>();

  constructor(newPacer: NewPacer, allowances: Allowances) {
    this.#newPacer = newPacer;
    this.#allowances = allowances;
  }

  /** The buckets of an account and Region. */
  of(accountId: string, region: string): Buckets {
    const scope = `${accountId}/${region}`;
    let buckets = this.#byAccount.get(scope);
    if (!buckets) {
      const shares = this.#allowances.of(accountId, region);
      const allowed = allowedRates(shares);
      const laneOf = (name: BucketName) =>
        name === 'UserPoolRead'
          ? this.#readsOf(region).lane
          : new Lane(allowed[name], this.#newPacer(`${scope}/${name}`));
      const lanes = new Map(BUCKETS.map((name) => [name, laneOf(name)]));
      buckets = bucketsOf(lanes, { scope, newPacer: this.#newPacer, share: shares.share });
      this.#byAccount.set(scope, buckets);
    }
    return buckets;
  }

  /**
   * For reads of pools alone, which tell what account a pool is in. As it is not known before, the
   * accounts of a Region share one such bucket, at the least share that any of them has.
   */
  ofRegion(region: string): Buckets {
    return this.#readsOf(region).buckets;
  }

  /** The UserList buckets together: attempts a second now, and those allowed. */
  usage(): { rate: number; allowed: number } {
    const usages = [...this.#byAccount.values()].map((buckets) => buckets.usage('UserList'));
    return {
      rate: usages.reduce((sum, usage) => sum + usage.rate, 0),
      allowed: usages.reduce((sum, usage) => sum + usage.allowed, 0),
    };
  }

  async close(): Promise<void> {
    const regions = [...this.#byRegion.values()].map(({ buckets }) => buckets);
    await Promise.all([...this.#byAccount.values(), ...regions].map((buckets) => buckets.close()));
  }

  #readsOf(region: string): { lane: Lane; buckets: Buckets } {
    let reads = this.#byRegion.get(region);
    if (!reads) {
      const share = this.#allowances.leastShare(region);
      const { UserPoolRead } = allowedRates({ share, userListRps: 0 });
      const lane = new Lane(UserPoolRead, this.#newPacer(`${region}/UserPoolRead`));
      const lanes = new Map<BucketName, Lane>([['UserPoolRead', lane]]);
      reads = {
        lane,
        buckets: bucketsOf(lanes, { scope: region, newPacer: this.#newPacer, share }),
      };
      this.#byRegion.set(region, reads);
    }
    return reads;
  }
}

/** Buckets held by this process alone. */
export function localAccountBuckets(allowances: Allowances): AccountBuckets {
  return new AccountBuckets(localPacer, allowances);
}
