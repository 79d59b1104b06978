/** The least part of its rate at which a throttled bucket still runs. */
const FLOOR = 1 / 8;
/** A burst of throttled answers to attempts already under way halves the rate once, not each. */
const HALVE_AT_MOST_EVERY_MS = 1_000;
/** Recovery begins this long after the last throttled answer… */
const QUIET_MS = 1_000;
/** …and adds this part of the full rate each step. */
const STEP = 1 / 8;
const STEP_MS = 500;

/**
 * How much of its rate a bucket uses. Throttling halves it, at most once a second and down to an
 * eighth; a second after the last throttled answer it climbs by an eighth every half second, so
 * that it is whole again after 4.5 seconds at most. Holds no timer: it is worked out when asked.
 */
export class SlowDown {
  readonly #now: () => number;
  #factor = 1;
  #halvedAt = Number.NEGATIVE_INFINITY;
  #throttledAt = Number.NEGATIVE_INFINITY;

  /** `now` gives milliseconds on a clock that never goes back. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** The part of the full rate to run at now: from 1/8 to 1. */
  get factor(): number {
    const quiet = this.#now() - this.#throttledAt - QUIET_MS;
    const steps = quiet < 0 ? 0 : Math.floor(quiet / STEP_MS) + 1;
    return Math.min(1, this.#factor + steps * STEP);
  }

  /** Tells that the service answered an attempt of this bucket with throttling. */
  throttled(): void {
    const now = this.#now();
    const factor = this.factor;
    if (now - this.#halvedAt >= HALVE_AT_MOST_EVERY_MS) {
      this.#factor = Math.max(FLOOR, factor / 2);
      this.#halvedAt = now;
    } else {
      this.#factor = factor;
    }
    this.#throttledAt = now;
  }
}
