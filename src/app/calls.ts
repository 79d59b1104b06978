import { ActionRequiredError, explainAbort, InterruptedError } from '../model/errors.ts';
import { withoutRows } from '../postgres/database-error.ts';

/** How one call runs. */
export interface CallOptions {
  /** Stops the call, which then rejects with InterruptedError; its progress is kept. */
  readonly signal?: AbortSignal;
}

/** The calls of one mirror that run now, so that closing it can stop them and wait for them. */
export class Calls {
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<unknown>>();

  /**
   * Runs one call.
   *
   * @throws InterruptedError if `signal` fired or the mirror was closed
   * @throws what `work` throws, without the rows that Postgres quotes
   */
  async run<T>(
    signal: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const stop = this.signal(signal);
    const running = work(stop);
    const settled = running.catch(() => {});
    this.#running.add(settled);
    try {
      return await running;
    } catch (error) {
      throw explainFailure(error, stop);
    } finally {
      this.#running.delete(settled);
    }
  }

  /** The same for a call that gives its results one by one. */
  async *stream<T>(
    signal: AbortSignal | undefined,
    work: (signal: AbortSignal) => AsyncIterable<T>,
  ): AsyncGenerator<T, void, undefined> {
    const stop = this.signal(signal);
    try {
      yield* work(stop);
    } catch (error) {
      throw explainFailure(error, stop);
    }
  }

  /** Fires with `signal`, and when the mirror is closed. */
  signal(signal: AbortSignal | undefined): AbortSignal {
    const { signal: closing } = this.#closing;
    if (closing.aborted) {
      const problem = 'it is closed.';
      const remedy = 'Create another one with createMirror.';
      throw ActionRequiredError.of('mirror', problem, remedy);
    }
    return signal === undefined ? closing : AbortSignal.any([closing, signal]);
  }

  async close(): Promise<void> {
    this.#closing.abort(new InterruptedError('The mirror was closed.'));
    await Promise.all(this.#running);
  }
}

/** Also without the rows that Postgres quotes. */
function explainFailure(error: unknown, signal: AbortSignal): unknown {
  const known = explainAbort(error, signal);
  return known instanceof Error ? withoutRows(known) : known;
}

/** Lets one holder at a time run for each key. */
export class KeyedMutex {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Runs `work` once the earlier holders of all these keys have ended. */
  run<T>(keys: readonly string[], work: () => Promise<T>): Promise<T> {
    const earlier = keys.map((key) => this.#last.get(key) ?? Promise.resolve());
    const running = Promise.all(earlier).then(work);
    const settled = running.catch(() => {});
    for (const key of keys) this.#last.set(key, settled);
    return running;
  }
}
