import type { Bucket } from './quota.ts';

/** The result of a request; `dropped` if the connection was cut. */
export type Outcome = 'ok' | 'throttled' | 'error' | 'dropped';

/** One HTTP request to the API, refused ones included. */
export interface Attempt {
  /** Counts from 0 without gaps. */
  readonly sequence: number;
  /** Arrival in milliseconds since 1970, with a fraction, on a monotonic clock. */
  readonly at: number;
  /** Arrival in milliseconds of this process's `performance.now()`. */
  readonly since: number;
  readonly operation: string;
  readonly poolId: string | null;
  readonly bucket: Bucket | null;
  /** What the request names: a user, a group, or both; null if it names neither. */
  readonly subject: string | null;
  readonly outcome: Outcome;
  /** The type of the error, if any. */
  readonly error: string | null;
  /** True if an injected fault caused the outcome. */
  readonly injected: boolean;
}

/** Selects attempts; an absent field matches any. */
export interface AttemptFilter {
  readonly operation?: string;
  readonly bucket?: Bucket;
  readonly outcome?: Outcome;
}

/** The last `capacity` attempts in order of arrival. */
export class AttemptLog {
  readonly #capacity: number;
  #ring: Attempt[] = [];
  #sequence = 0;
  #firstKept = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** How many requests arrived since the start, including those no longer kept. */
  get total(): number {
    return this.#sequence;
  }

  /** Records an arrival; `settle` adds its outcome. */
  arrive(arrival: Pick<Attempt, 'at' | 'since'>): number {
    const sequence = this.#sequence;
    this.#sequence += 1;
    this.#ring[sequence % this.#capacity] = {
      sequence,
      ...arrival,
      operation: '',
      poolId: null,
      bucket: null,
      subject: null,
      outcome: 'dropped',
      error: null,
      injected: false,
    };
    return sequence;
  }

  /** Adds the outcome of an arrival, if it is still kept. */
  settle(sequence: number, result: Partial<Omit<Attempt, 'sequence' | 'at' | 'since'>>): void {
    const slot = sequence % this.#capacity;
    const kept = this.#ring[slot];
    if (kept?.sequence === sequence) this.#ring[slot] = { ...kept, ...result };
  }

  /** The kept attempts that match, in order of arrival. */
  entries(filter: AttemptFilter = {}): Attempt[] {
    const kept: Attempt[] = [];
    const first = Math.max(this.#firstKept, this.#sequence - this.#capacity);
    for (let sequence = first; sequence < this.#sequence; sequence += 1) {
      const attempt = this.#ring[sequence % this.#capacity];
      if (attempt !== undefined && isMatch(attempt, filter)) kept.push(attempt);
    }
    return kept;
  }

  /** How many kept attempts match. */
  count(filter: AttemptFilter = {}): number {
    return this.entries(filter).length;
  }

  /** The most matching attempts that arrived within any window of `windowMs`. */
  peak(filter: AttemptFilter = {}, windowMs = 1000): number {
    const attempts = this.entries(filter);
    let peak = 0;
    let oldest = 0;
    for (const [newest, attempt] of attempts.entries()) {
      while (attempt.at - (attempts[oldest] as Attempt).at >= windowMs) oldest += 1;
      peak = Math.max(peak, newest - oldest + 1);
    }
    return peak;
  }

  /** Removes the kept attempts; the total stays. */
  clear(): void {
    this.#ring = [];
    this.#firstKept = this.#sequence;
  }
}

function isMatch(attempt: Attempt, filter: AttemptFilter): boolean {
  return (
    (filter.operation === undefined || attempt.operation === filter.operation) &&
    (filter.bucket === undefined || attempt.bucket === filter.bucket) &&
    (filter.outcome === undefined || attempt.outcome === filter.outcome)
  );
}
