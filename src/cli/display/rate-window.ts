/** How far back a rate looks. */
const WINDOW_MS = 10_000;

/** The recent rate of a growing count, by looking at it now and then. */
export class RateWindow {
  readonly #samples: { at: number; count: number }[] = [];

  /**
   * Notes the count at `at` (milliseconds of a clock that only goes forward) and gives its growth a
   * second over the window, or null while there is too little to tell.
   */
  add(at: number, count: number): number | null {
    this.#samples.push({ at, count });
    while ((this.#samples[1]?.at ?? at) <= at - WINDOW_MS) this.#samples.shift();
    const first = this.#samples[0];
    if (first === undefined || at - first.at < 500) return null;
    return ((count - first.count) * 1000) / (at - first.at);
  }
}
