/** How many round trips tell what is usual. */
const ROUND_TRIPS = 16;

/**
 * Works out when slots given by Redis are due on this process's clock, in milliseconds. Redis gives
 * the wait from the moment its script ran, which lies between question and answer. An answer that
 * came late must not make the slot late, so the moment is taken to be the question's, plus the
 * least of the last round trips: that much is the network's, and alike for every slot.
 */
export class PermitTimes {
  readonly #roundTrips: number[] = [];

  /** The moment at which the slot is due that was asked for and answered at these moments. */
  due(slot: { askedAt: number; answeredAt: number; wait: number }): number {
    this.#roundTrips.push(slot.answeredAt - slot.askedAt);
    if (this.#roundTrips.length > ROUND_TRIPS) this.#roundTrips.shift();
    return slot.askedAt + Math.min(...this.#roundTrips) + slot.wait;
  }
}

/**
 * The part of the time between turns by which one may be late. Slots in Redis lie at least
 * `minTime` apart; a turn is taken from 1 ms before its slot (a timer's error) to this part of
 * `minTime` after it, and the network's round trip r. So the turns taken in a sliding second have
 * slots within 1 s + LATEST × minTime + r + 1 ms, which are at most
 * ⌊1 s / minTime + LATEST + (r + 1 ms) / minTime⌋ + 1. With `minTime` of `paceOf` that is no more
 * than ⌈rate⌉ + 1 while LATEST × minTime + r + 1 ms stays below (⌈rate⌉ + 1) × minTime - 1 s, which
 * is 63 ms at 24 a second. What is left of it (about 36 ms) is for the way to the service; a smaller
 * part would throw away more turns on a busy machine.
 */
export const LATEST = 0.6;
