/** What became of one attempt against the service; `aborted` where this program gave it up. */
export type CallOutcome = 'ok' | 'throttled' | 'retriable' | 'refused' | 'aborted';

/** One finished attempt against the service. */
export interface AttemptReport {
  /** The call, by the service's own name. */
  readonly operation: string;
  readonly outcome: CallOutcome;
  /** From sending to the answer. */
  readonly seconds: number;
  /** From asking for a turn at the bucket to getting it. */
  readonly waitedSeconds: number;
}

/** Is told of what is read from the service, as it happens. It must be quick, and not throw. */
export interface CallObserver {
  attempt(report: AttemptReport): void;
  /** A page was read, with this many items. */
  page(operation: string, items: number): void;
}

/** Counts of attempts: all of them, those answered with throttling, those that repeated another. */
export interface CallCounts {
  readonly apiCalls: number;
  readonly throttled: number;
  readonly retries: number;
}

/** Counts attempts against the service, retries included. */
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

  /** What was counted since the last `take`. */
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

/** Notes how long the service takes to answer. Memory grows with the calls: for a few of them. */
export class AnswerTimes implements CallObserver {
  readonly #seconds: number[] = [];

  attempt({ outcome, seconds }: AttemptReport): void {
    if (outcome === 'ok') this.#seconds.push(seconds);
  }

  page(): void {}

  /** In seconds; 0 before an answer. Of two the lower, as a first one waits for its connection. */
  get median(): number {
    const sorted = this.#seconds.toSorted((a, b) => a - b);
    return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
  }
}
