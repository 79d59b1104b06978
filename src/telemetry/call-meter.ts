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

  /** Records one finished attempt; `attempt` is 1 for the first of a call. */
  record(outcome: CallOutcome, attempt: number): void {
    this.#apiCalls += 1;
    if (outcome === 'throttled') this.#throttled += 1;
    if (attempt > 1) this.#retries += 1;
  }

  get counts(): CallCounts {
    return { apiCalls: this.#apiCalls, throttled: this.#throttled, retries: this.#retries };
  }

  /** The counts since the last `take`, which starts them again from zero. */
  take(): CallCounts {
    const taken = this.counts;
    this.#apiCalls = 0;
    this.#throttled = 0;
    this.#retries = 0;
    return taken;
  }
}
