import { InterruptedError } from '../model/errors.ts';
import { EXIT } from './exit-codes.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Signals this close together are one: a Ctrl-C reaches the process both from the terminal and from
 * `npm` or `npx`, which pass it on.
 */
const SAME_REQUEST_MS = 500;

/**
 * Runs `work` with a signal that fires when a person or the system asks the program to stop; asked
 * again, the program ends at once.
 *
 * @throws InterruptedError where `work` fails after that
 */
export async function withSignals<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  let asked = 0;
  const onSignal = () => {
    if (!controller.signal.aborted) {
      asked = performance.now();
      controller.abort(new InterruptedError());
    } else if (performance.now() - asked > SAME_REQUEST_MS) {
      process.exit(EXIT.interrupted);
    }
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  // Whoever started the program with a channel to it, and is gone, wants no more of it.
  process.on('disconnect', onSignal);
  try {
    return await work(controller.signal);
  } catch (error) {
    // Libraries end an aborted call with errors of their own.
    if (controller.signal.aborted && !(error instanceof InterruptedError)) {
      throw new InterruptedError();
    }
    throw error;
  } finally {
    for (const name of SIGNALS) process.off(name, onSignal);
    process.off('disconnect', onSignal);
  }
}

/** Resolves when `signal` fires: for commands that run until they are stopped. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    // A pending promise alone does not keep Node running.
    const alive = setInterval(() => {}, 2 ** 30);
    signal.addEventListener(
      'abort',
      () => {
        clearInterval(alive);
        resolve();
      },
      { once: true },
    );
  });
}
