/** How long a value is kept: a forgotten person leaves every count after this time. */
const LIFE_MS = 10 * 60_000;

/** The most values that are kept. */
const MOST = 100;

/**
 * Keeps what was counted of published snapshots, which do not change, so that a page counts once. A value
 * that could not be computed is not kept.
 */
export class Kept<T> {
  readonly #values = new Map<string, { readonly value: Promise<T>; readonly until: number }>();

  /** The value under this key, which names the pool and the snapshot that it was computed from. */
  get(key: string, compute: () => Promise<T>): Promise<T> {
    const known = this.#values.get(key);
    if (known !== undefined && known.until > Date.now()) return known.value;
    const value = compute();
    this.#values.delete(key);
    this.#values.set(key, { value, until: Date.now() + LIFE_MS });
    value.catch(() => this.#values.delete(key));
    const [oldest] = this.#values.keys();
    if (this.#values.size > MOST && oldest !== undefined) this.#values.delete(oldest);
    return value;
  }
}
