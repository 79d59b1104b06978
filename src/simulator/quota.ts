/** The service's quotas. Each operation belongs to one of them (its quotas page). */
export type Bucket =
  | 'UserList'
  | 'UserPoolResourceRead'
  | 'UserPoolRead'
  | 'UserPoolClientRead'
  | 'UserResourceRead'
  | 'UserRead'
  | 'UserCreation'
  | 'UserUpdate'
  | 'UserResourceUpdate'
  | 'UserAccountRecovery'
  | 'UserPoolResourceUpdate'
  | 'UserPoolUpdate';

/** Requests per second of each bucket, per account and Region. */
export const DEFAULT_QUOTAS: Readonly<Record<Bucket, number>> = {
  UserList: 30,
  UserPoolResourceRead: 20,
  UserPoolRead: 15,
  UserPoolClientRead: 15,
  UserResourceRead: 50,
  UserRead: 120,
  UserCreation: 50,
  UserUpdate: 25,
  UserResourceUpdate: 25,
  UserAccountRecovery: 30,
  UserPoolResourceUpdate: 15,
  UserPoolUpdate: 15,
};

/** The buckets whose operations have a quota of their own in each pool, and its requests per second. */
const LIMITED_PER_POOL: readonly Bucket[] = [
  'UserPoolResourceRead',
  'UserPoolResourceUpdate',
  'UserPoolClientRead',
];
const PER_POOL_QUOTA = 5;

/** Holds the requests of one second and refills evenly. */
class TokenBucket {
  readonly #perSecond: number;
  #tokens: number;
  #at: number;

  constructor(perSecond: number, now: number) {
    this.#perSecond = perSecond;
    this.#tokens = perSecond;
    this.#at = now;
  }

  /** True if a request may pass. Takes nothing. */
  has(now: number): boolean {
    const refill = ((now - this.#at) / 1000) * this.#perSecond;
    this.#tokens = Math.min(this.#perSecond, this.#tokens + Math.max(0, refill));
    this.#at = now;
    // Rounding errors of the sum are smaller than this.
    return this.#tokens >= 1 - 1e-9;
  }

  take(): void {
    this.#tokens -= 1;
  }
}

/** The parts of a request that decide which quotas apply. */
interface QuotaRequest {
  readonly bucket: Bucket;
  readonly operation: string;
  readonly account: string;
  readonly region: string;
  readonly poolId: string | undefined;
}

/** All buckets of a simulator. */
export class Quotas {
  readonly #rates: Readonly<Record<Bucket, number>> | null;
  readonly #buckets = new Map<string, TokenBucket>();
  readonly #now: () => number;

  /** `rates` are requests per second; null turns all quotas off. `now` is in milliseconds. */
  constructor(rates: Readonly<Record<Bucket, number>> | null, now: () => number) {
    this.#rates = rates;
    this.#now = now;
  }

  /** Takes a request from all its buckets; false if one of them is empty. */
  take(request: QuotaRequest): boolean {
    const { bucket } = request;
    if (this.#rates === null) return true;
    const now = this.#now();
    const key = `${request.account} ${request.region} ${bucket}`;
    const needed = [this.#bucket(key, this.#rates[bucket], now)];
    if (LIMITED_PER_POOL.includes(bucket) && request.poolId !== undefined) {
      const poolKey = `${key} ${request.operation} ${request.poolId}`;
      needed.push(this.#bucket(poolKey, PER_POOL_QUOTA, now));
    }
    if (!needed.every((each) => each.has(now))) return false;
    for (const each of needed) each.take();
    return true;
  }

  #bucket(key: string, rate: number, now: number): TokenBucket {
    let bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      bucket = new TokenBucket(rate, now);
      this.#buckets.set(key, bucket);
    }
    return bucket;
  }
}
