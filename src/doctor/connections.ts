/** How long opening a server may take. A check may take longer: others may open it first. */
const OPENING_MS = 10_000;

/** What the checks opened: each connection and answer once, on first use. */
export class Connections {
  readonly #stop = new AbortController();
  readonly #closers: (() => unknown)[] = [];
  readonly #opened = new Map<string, Promise<unknown>>();

  /** Opens or reads something once. Later calls with its name return the same, also an error. */
  once<T>(name: string, open: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const known = this.#opened.get(name) as Promise<T> | undefined;
    const opening =
      known ?? open(AbortSignal.any([this.#stop.signal, AbortSignal.timeout(OPENING_MS)]));
    opening.catch(() => {});
    this.#opened.set(name, opening);
    return opening;
  }

  /** Calls `close` when the examination ends. */
  onClose(close: () => unknown): void {
    this.#closers.push(close);
  }

  /** Stops what is being opened or read. */
  stop(): void {
    this.#stop.abort();
  }

  /** Closes what was opened, the last first. */
  async close(): Promise<void> {
    this.stop();
    await Promise.allSettled(this.#opened.values());
    for (const close of this.#closers.reverse()) await Promise.resolve(close()).catch(() => {});
  }
}
