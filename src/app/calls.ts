import { ActionRequiredError, InterruptedError } from '../model/errors.ts';
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

/** Libraries end an aborted call with errors of their own. */
function explainFailure(error: unknown, { aborted, reason }: AbortSignal): unknown {
  if (error instanceof InterruptedError) return error;
  if (aborted) {
    return reason instanceof InterruptedError
      ? reason
      : new InterruptedError('Interrupted.', { cause: error });
  }
  return error instanceof Error ? withoutRows(error) : error;
}

/** Lets one holder at a time pass for each name. */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Runs `work` once the earlier holders of all these names have ended. */
  run<T>(names: readonly string[], work: () => Promise<T>): Promise<T> {
    const earlier = names.map((name) => this.#last.get(name) ?? Promise.resolve());
    const running = Promise.all(earlier).then(work);
    const settled = running.catch(() => {});
    for (const name of names) this.#last.set(name, settled);
    return running;
  }
}
