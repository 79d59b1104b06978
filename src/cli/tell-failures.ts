import type { LogLevel } from '../config/config.ts';
import { ConfigurationError } from '../model/errors.ts';
import { EXIT } from './exit-codes.ts';
import { describeFailure } from './report-error.ts';

/**
 * Tells on standard error which pools of a run failed, and why.
 *
 * @returns the exit code that they make; null where none failed.
 */
export function tellFailures(
  outcomes: readonly { readonly poolId: string; readonly error: Error | null }[],
  logLevel: LogLevel,
): number | null {
  const failures = outcomes.flatMap(({ poolId, error }) => (error ? [{ poolId, error }] : []));
  for (const { poolId, error } of failures) {
    for (const line of describeFailure(error, logLevel === 'debug')) {
      console.error(`${line} (${poolId})`);
    }
  }
  if (failures.length === 0) return null;
  const allUnusable =
    failures.length === outcomes.length &&
    failures.every(({ error }) => error instanceof ConfigurationError);
  return allUnusable ? EXIT.usage : EXIT.failed;
}
