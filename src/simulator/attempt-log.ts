import type { Bucket } from './quota.ts';

/** What became of a request. */
export type Outcome = 'ok' | 'throttled' | 'error' | 'dropped';

/** One request to the API, refused ones included. */
export interface Attempt {
  /** Counts from 0; gaps never occur. */
  readonly sequence: number;
  /** Arrival in milliseconds since 1970, with a fraction, on a clock that never steps. */
  readonly at: number;
  /** Arrival in milliseconds of this process's `performance.now()`. */
  readonly since: number;
  readonly operation: string;
  readonly poolId: string | null;
  readonly bucket: Bucket | null;
  readonly outcome: Outcome;
  /** The error's type where there was one. */
  readonly error: string | null;
  /** True if a fault on demand caused the outcome. */
  readonly injected: boolean;
}

/** Chooses attempts; a field that is absent chooses any. */
export interface AttemptFilter {
  readonly operation?: string;
  readonly bucket?: Bucket;
  readonly outcome?: Outcome;
}

/** The last attempts, at most `capacity` of them, in the order of arrival. */
export class AttemptLog {
  readonly #capacity: number;
  #ring: Attempt[] = [];
  #sequence = 0;
  #firstKept = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** How many requests arrived since the start, also where they are no longer kept. */
  get total(): number {
    return this.#sequence;
  }

  /** Notes an arrival; the outcome is filled in by `settle`. */
  arrive(arrival: Pick<Attempt, 'at' | 'since'>): number {
    const sequence = this.#sequence;
    this.#sequence += 1;
    this.#ring[sequence % this.#capacity] = {
      sequence,
      ...arrival,
      operation: '',
      poolId: null,
      bucket: null,
      outcome: 'dropped',
      error: null,
      injected: false,
    };
    return sequence;
  }

  /** Fills in what became of an arrival, if it is still kept. */
  settle(sequence: number, result: Partial<Omit<Attempt, 'sequence' | 'at' | 'since'>>): void {
    const slot = sequence % this.#capacity;
    const kept = this.#ring[slot];
    if (kept?.sequence === sequence) this.#ring[slot] = { ...kept, ...result };
  }

  /** The attempts kept, in the order of arrival. */
  entries(filter: AttemptFilter = {}): Attempt[] {
    const kept: Attempt[] = [];
    const first = Math.max(this.#firstKept, this.#sequence - this.#capacity);
    for (let sequence = first; sequence < this.#sequence; sequence += 1) {
      const attempt = this.#ring[sequence % this.#capacity];
      if (attempt !== undefined && passes(attempt, filter)) kept.push(attempt);
    }
    return kept;
  }

  /** How many of the attempts kept the filter chooses. */
  count(filter: AttemptFilter = {}): number {
    return this.entries(filter).length;
  }

  /** The most of the chosen attempts that arrived within any window of so many milliseconds. */
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

  /** Forgets what is kept; the total stays. */
  clear(): void {
    this.#ring = [];
    this.#firstKept = this.#sequence;
  }
}

function passes(attempt: Attempt, filter: AttemptFilter): boolean {
  return (
    (filter.operation === undefined || attempt.operation === filter.operation) &&
    (filter.bucket === undefined || attempt.bucket === filter.bucket) &&
    (filter.outcome === undefined || attempt.outcome === filter.outcome)
  );
}
