import { InterruptedError } from '../index.ts';
import { describeFailure, EXIT, isDebug } from './errors.ts';
import { exitNow } from './output.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Signals this close together are one: a Ctrl-C reaches the process both from the terminal and from
 * `npm` or `npx`, which pass it on.
 */
const SAME_REQUEST_MS = 500;

/** How a program stops on request. */
export interface Stop {
  /** It ends after this time at the latest, also if a server no longer answers. In milliseconds. */
  readonly withinMs: number;
  /** The exit code if it did not end by itself. */
  readonly exitCode: number;
  /** What remains of the work, in a sentence; absent if nothing does. */
  readonly outcome?: () => string;
}

/** A command stops within two seconds. */
export const QUICKLY: Stop = { withinMs: 1_900, exitCode: EXIT.interrupted };

/** The time to stop everything in order, after a fault or when the terminal was closed. */
const ORDERLY_STOP_MS = 10_000;

/**
 * Runs `work` with a signal that fires when a person or the system asks the program to stop. After a
 * second request, or if the work does not end in time, the program ends at once, as if killed.
 *
 * @throws InterruptedError if `work` fails after the request
 * @throws an error that nothing else caught, once `work` has stopped
 */
export async function withSignals<T>(
  work: (signal: AbortSignal) => Promise<T>,
  stop: Stop = QUICKLY,
): Promise<T> {
  const controller = new AbortController();
  let asked = 0;
  const faults: unknown[] = [];
  let deadline: NodeJS.Timeout | undefined;
  const onSignal = (name?: NodeJS.Signals) => {
    if (!controller.signal.aborted) {
      asked = performance.now();
      controller.abort(new InterruptedError());
      const withinMs = name === 'SIGHUP' ? ORDERLY_STOP_MS : stop.withinMs;
      deadline = setTimeout(() => leave(stop), withinMs);
    } else if (performance.now() - asked > SAME_REQUEST_MS) {
      if (faults.length > 0) leaveWith(faults[0]);
      else exitNow(EXIT.interrupted);
    }
  };
  const onDisconnect = () => onSignal();
  // Everything stops as after a signal; then the fault is reported.
  const onFault = (error: unknown) => {
    if (controller.signal.aborted) return;
    asked = performance.now();
    faults.push(error);
    controller.abort(error);
    deadline = setTimeout(() => leaveWith(error), ORDERLY_STOP_MS);
  };
  process.on('uncaughtException', onFault);
  for (const name of SIGNALS) process.on(name, onSignal);
  // The process that started the program with a channel to it is gone.
  process.on('disconnect', onDisconnect);
  try {
    const result = await work(controller.signal);
    if (faults.length > 0) throw faults[0];
    return result;
  } catch (error) {
    if (faults.length > 0) throw faults[0];
    // Libraries end an aborted call with errors of their own.
    if (controller.signal.aborted && !(error instanceof InterruptedError)) {
      throw new InterruptedError();
    }
    throw error;
  } finally {
    clearTimeout(deadline);
    for (const name of SIGNALS) process.off(name, onSignal);
    process.off('disconnect', onDisconnect);
    process.off('uncaughtException', onFault);
  }
}

/** The next run resumes what a killed program left. */
function leave({ exitCode, outcome }: Stop): void {
  const words = ['Interrupted, without waiting for a server that does not answer.'];
  if (outcome !== undefined) words.push(outcome());
  console.error(`cognito-mirror: ${words.join(' ')}`);
  exitNow(exitCode);
}

/** Reports a fault, and ends the program without waiting for the rest to stop. */
function leaveWith(fault: unknown): void {
  try {
    for (const line of describeFailure(fault, isDebug(process.env.LOG_LEVEL))) console.error(line);
  } finally {
    exitNow(EXIT.failed);
  }
}
