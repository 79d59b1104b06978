import type { Command } from 'commander';
import { InterruptedError } from '../../model/errors.ts';
import { EXIT, reportFailures } from '../errors.ts';
import { outputWidth, writeJson, writeNote } from '../output.ts';
import { type PoolsRun, poolsCommand, whatIsKept } from '../pools-command.ts';

/** `sync`: takes, publishes and archives a snapshot of each pool. */
export function syncCommand(): Command {
  return poolsCommand(
    'sync',
    'take, publish and archive a snapshot of each pool; resume an unfinished one',
    '{"snapshots":[…]}',
    runSync,
  );
}

async function runSync({ config, log, json, progress, signal }: PoolsRun): Promise<void> {
  const { mirrorPools } = await import('../mirror-pools.ts');
  const outcomes = await mirrorPools(config, log, progress, signal);
  if (!json) {
    const { describeSnapshot } = await import('../display/snapshot-summary.ts');
    for (const ended of outcomes) await writeNote(describeSnapshot(ended, outputWidth()));
  }
  const failures = outcomes.map(({ report, error }) => ({ poolId: report.poolId, error }));
  const isHeld = outcomes.some(({ report }) => report.state === 'held');
  // Of several pools, one that failed counts before one that is held, and that before success.
  process.exitCode = signal.aborted
    ? EXIT.interrupted
    : (reportFailures(failures, config.logLevel) ?? (isHeld ? EXIT.held : EXIT.done));
  if (json) await writeJson({ snapshots: outcomes.map(({ report }) => report) });
  if (signal.aborted) throw new InterruptedError(`Interrupted. ${whatIsKept(progress)}`);
}
