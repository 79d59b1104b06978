/** The smallest part of its rate that a throttled bucket uses. */
const FLOOR = 1 / 8;
/** A burst of throttled answers to attempts already sent halves the rate once. */
const HALVE_AT_MOST_EVERY_MS = 1_000;
/** Recovery starts this long after the last throttled answer… */
const QUIET_MS = 1_000;
/** …and adds this part of the full rate each step. */
const STEP = 1 / 8;
const STEP_MS = 500;

/**
 * How much of its rate a bucket uses. Throttling halves it, at most once a second and down to an
 * eighth. A second after the last throttled answer it climbs by an eighth every half second, so it
 * is back at the full rate after 4.5 seconds. It computes the factor on demand and holds no timer.
 */
export class SlowDown {
  readonly #now: () => number;
  #factor = 1;
  #halvedAt = Number.NEGATIVE_INFINITY;
  #throttledAt = Number.NEGATIVE_INFINITY;

  /** @param now gives milliseconds of a monotonic clock. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** The part of the full rate to use now: from 1/8 to 1. */
  get factor(): number {
    const quiet = this.#now() - this.#throttledAt - QUIET_MS;
    const steps = quiet < 0 ? 0 : Math.floor(quiet / STEP_MS) + 1;
    return Math.min(1, this.#factor + steps * STEP);
  }

  /** Records that the service throttled an attempt of this bucket. */
  recordThrottling(): void {
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
