import type { LogLevel } from '../config/config.ts';
import { EXIT, exitCodeOf } from './exit-codes.ts';
import { describeFailure, isDebug } from './report-error.ts';

/** The run of one pool, and the error that ended it, if one did. */
interface PoolRun {
  readonly poolId: string;
  readonly error: Error | null;
}

/**
 * Prints on standard error which pools of a run failed, and why.
 *
 * @returns the exit code that they make; null where none failed.
 */
export function tellFailures(runs: readonly PoolRun[], logLevel: LogLevel): number | null {
  for (const { poolId, error } of runs) {
    if (error === null) continue;
    for (const line of describeFailure(error, isDebug(logLevel))) {
      console.error(line.includes(poolId) ? line : `${line} (${poolId})`);
    }
  }
  const errors = runs.flatMap(({ error }) => error ?? []);
  if (errors.length === 0) return null;
  const areUnusable = errors.every((error) => exitCodeOf(error) === EXIT.usage);
  return areUnusable && errors.length === runs.length ? EXIT.usage : EXIT.failed;
}
