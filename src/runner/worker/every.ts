import { setTimeout as sleep } from 'node:timers/promises';

/** Work that is done again and again, one time after the other. */
export interface Repeated {
  /** Ends it, and resolves once the time under way has ended. */
  stop(): Promise<void>;
}

/**
 * Does `work` at once, and again each time that `ms` milliseconds have passed since it ended.
 *
 * @param onError is told of each failure; the next time comes all the same.
 */
export function every(
  ms: number,
  work: () => Promise<void>,
  onError: (error: unknown) => Promise<void>,
): Repeated {
  const stopped = new AbortController();
  const repeat = async () => {
    while (!stopped.signal.aborted) {
      await work().catch(onError);
      await sleep(ms, undefined, { signal: stopped.signal }).catch(() => {});
    }
  };
  const running = repeat();
  return {
    async stop() {
      stopped.abort();
      await running;
    },
  };
}
