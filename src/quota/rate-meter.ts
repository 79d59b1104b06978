const SLOT_MS = 250;
const SLOTS = 8;

/** Counts events and tells their rate over the last two seconds, in constant memory. */
export class RateMeter {
  readonly #now: () => number;
  readonly #counts = Array.from({ length: SLOTS }, () => 0);
  #latest = 0;

  /** `now` gives milliseconds on a clock that never goes back. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  record(): void {
    const slot = this.#advance() % SLOTS;
    this.#counts[slot] = (this.#counts[slot] ?? 0) + 1;
  }

  /** Events a second. */
  get rate(): number {
    this.#advance();
    const sum = this.#counts.reduce((total, count) => total + count, 0);
    return (sum * 1_000) / (SLOTS * SLOT_MS);
  }

  /** Empties the slots that have passed out of the window; returns the number of the present one. */
  #advance(): number {
    const present = Math.floor(this.#now() / SLOT_MS);
    const passed = Math.min(present - this.#latest, SLOTS);
    for (let i = 0; i < passed; i += 1) this.#counts[(present - i) % SLOTS] = 0;
    this.#latest = present;
    return present;
  }
}
