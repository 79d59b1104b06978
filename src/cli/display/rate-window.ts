/** How far back a rate looks. */
const WINDOW_MS = 10_000;

/** The recent rate of a growing count, by looking at it now and then. */
export class RateWindow {
  #samples: { at: number; count: number }[] = [];

  /**
   * Notes the count at `at` (milliseconds of a clock that only goes forward) and gives its growth a
   * second over the window, or null while there is too little to tell. A count that falls is another
   * count: its rate begins anew.
   */
  add(at: number, count: number): number | null {
    if (count < (this.#samples.at(-1)?.count ?? 0)) this.#samples = [];
    this.#samples.push({ at, count });
    while ((this.#samples[1]?.at ?? at) <= at - WINDOW_MS) this.#samples.shift();
    const first = this.#samples[0];
    if (first === undefined || at - first.at < 500) return null;
    return ((count - first.count) * 1000) / (at - first.at);
  }
}
