import type { Outcome } from '../model/snapshot.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { SnapshotReport } from './snapshot-report.ts';

const LEVELS = { archived: 'info', held: 'warn', interrupted: 'warn', failed: 'error' } as const;

/**
 * Logs how the run of a pool ended, in one line: `snapshot archived`, `held`, `failed` or
 * `interrupted`, with what `sync --json` prints of it.
 */
export function logOutcome(log: Logger, outcome: Outcome, report: SnapshotReport): void {
  log[LEVELS[outcome]](report, `snapshot ${outcome}`);
}
