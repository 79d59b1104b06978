/** How long a count is kept: a forgotten person leaves every count after this time. */
const LIFE_MS = 10 * 60_000;

/** The most values that are kept. */
const MOST = 100;

interface Entry<T> {
  readonly value: Promise<T>;
  /** When it is forgotten; not before it is computed. */
  until: number;
}

/**
 * Keeps what was computed of snapshots, which do not change, so that a page computes it once. A value that
 * could not be computed is not kept.
 */
export class Kept<T> {
  readonly #values = new Map<string, Entry<T>>();
  readonly #lifeMs: number;

  /** @param lifeMs how long a value is kept: shorter if it has names. */
  constructor(lifeMs = LIFE_MS) {
    this.#lifeMs = lifeMs;
  }

  /** The value under this key, which names the pool and the snapshot that it was computed from. */
  get(key: string, compute: () => Promise<T>): Promise<T> {
    const known = this.#values.get(key);
    if (known !== undefined && known.until > Date.now()) return known.value;
    const entry: Entry<T> = { value: compute(), until: Number.POSITIVE_INFINITY };
    this.#values.delete(key);
    this.#values.set(key, entry);
    entry.value.then(
      () => {
        entry.until = Date.now() + this.#lifeMs;
      },
      () => {
        if (this.#values.get(key) === entry) this.#values.delete(key);
      },
    );
    const [oldest] = this.#values.keys();
    if (this.#values.size > MOST && oldest !== undefined) this.#values.delete(oldest);
    return entry.value;
  }
}
