import type { Period } from '../../model/history.ts';

/** Something with one value at a time, and from which snapshot until which it had it. */
export class Periods {
  readonly #all: { validFrom: Date; validTo: Date | null; readonly value: string }[] = [];

  /**
   * Adds the value in the next snapshot; null if there is none. Equal values of snapshots in a row are
   * one period.
   */
  add(at: Date, value: string | null): void {
    const last = this.#all.at(-1);
    const open = last?.validTo === null ? last : undefined;
    if (open?.value === value) return;
    if (open !== undefined) open.validTo = at;
    if (value !== null) this.#all.push({ validFrom: at, validTo: null, value });
  }

  /** The periods so far, the oldest first. */
  get all(): readonly (Period & { readonly value: string })[] {
    return this.#all;
  }
}
