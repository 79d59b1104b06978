/** The outcome of one attempt against the service; `aborted` if this program stopped it. */
export type CallOutcome = 'ok' | 'throttled' | 'retriable' | 'refused' | 'aborted';

/** One finished attempt against the service. */
export interface AttemptReport {
  /** The service's name of the call. */
  readonly operation: string;
  readonly outcome: CallOutcome;
  /** From sending to the response. */
  readonly seconds: number;
  /** From requesting a permit of the bucket to getting it. */
  readonly waitedSeconds: number;
}

/** Records calls of the service as they happen. Must be quick and must not throw. */
export interface CallObserver {
  recordAttempt(report: AttemptReport): void;
  recordPage(operation: string, items: number): void;
}

/** Counts of attempts: all, throttled, and retries. */
export interface CallCounts {
  readonly apiCalls: number;
  readonly throttled: number;
  readonly retries: number;
}

/** Counts attempts against the service, with retries. */
export class CallMeter {
  #apiCalls = 0;
  #throttled = 0;
  #retries = 0;
  #taken: CallCounts = { apiCalls: 0, throttled: 0, retries: 0 };

  /** Records one finished attempt; `attempt` is 1 for the first of a call. */
  record(outcome: CallOutcome, attempt: number): void {
    this.#apiCalls += 1;
    if (outcome === 'throttled') this.#throttled += 1;
    if (attempt > 1) this.#retries += 1;
  }

  get counts(): CallCounts {
    return { apiCalls: this.#apiCalls, throttled: this.#throttled, retries: this.#retries };
  }

  /** Returns the counts since the last `take`. */
  take(): CallCounts {
    const { counts } = this;
    const before = this.#taken;
    this.#taken = counts;
    return {
      apiCalls: counts.apiCalls - before.apiCalls,
      throttled: counts.throttled - before.throttled,
      retries: counts.retries - before.retries,
    };
  }
}

/** Measures the response times of a few calls. Memory grows with their number. */
export class ResponseTimes implements CallObserver {
  readonly #seconds: number[] = [];

  recordAttempt({ outcome, seconds }: AttemptReport): void {
    if (outcome === 'ok') this.#seconds.push(seconds);
  }

  recordPage(): void {}

  /** In seconds; 0 before a response. The lower of two, as the first also waits to connect. */
  get median(): number {
    const sorted = this.#seconds.toSorted((a, b) => a - b);
    return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
  }
}
