/** What became of one attempt against the service. */
export type CallOutcome = 'ok' | 'throttled' | 'retriable' | 'refused';

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
