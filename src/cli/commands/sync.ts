import type { Command } from 'commander';
import { InterruptedError } from '../../index.ts';
import { EXIT, reportFailures } from '../errors.ts';
import { outputWidth, writeJson, writeNote } from '../output.ts';
import { describeKept, type PoolsRun, poolsCommand } from '../pools-command.ts';

/** `sync`: takes, publishes and archives a snapshot of each pool. */
export function syncCommand(): Command {
  return poolsCommand(
    'sync',
    'take, publish and archive a snapshot of each pool; resume an unfinished one',
    '{"snapshots":[…]}',
    runSync,
  );
}

async function runSync({ mirror, options, json, progress, signal }: PoolsRun): Promise<void> {
  const { takeSnapshots } = await import('../take-snapshots.ts');
  const outcomes = await takeSnapshots(mirror, options.pools, progress, signal);
  if (!json) {
    const { describeSnapshot } = await import('../display/snapshot-summary.ts');
    for (const ended of outcomes) await writeNote(describeSnapshot(ended, outputWidth()));
  }
  const failures = outcomes.map(({ report, error }) => ({ poolId: report.poolId, error }));
  const isHeld = outcomes.some(({ report }) => report.state === 'held');
  // With several pools the worst result wins: failed, then held, then success.
  process.exitCode = signal.aborted
    ? EXIT.interrupted
    : ((await reportFailures(failures, options.logger)) ?? (isHeld ? EXIT.held : EXIT.done));
  if (json) await writeJson({ snapshots: outcomes.map(({ report }) => report) });
  if (signal.aborted) throw new InterruptedError(`Interrupted. ${describeKept(progress)}`);
}
