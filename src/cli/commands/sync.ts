import type { Command } from 'commander';
import { InterruptedError } from '../../model/errors.ts';
import { EXIT } from '../exit-codes.ts';
import { writeJson, writeOut } from '../output.ts';
import { type PoolsRun, poolsCommand } from '../pools-command.ts';
import { tellFailures } from '../tell-failures.ts';

/** `sync`: takes, publishes and archives a snapshot of each pool. */
export function syncCommand(): Command {
  return poolsCommand(
    'sync',
    'take, publish and archive a snapshot of each pool; resume an unfinished one',
    '{"snapshots":[…]}',
    runSync,
  );
}

async function runSync({ config, log, json, signal }: PoolsRun): Promise<void> {
  const { mirrorPools } = await import('../mirror-pools.ts');
  const outcomes = await mirrorPools(config, log, signal);
  if (json) {
    await writeJson({ snapshots: outcomes.map(({ report }) => report) });
  } else {
    const { describeSnapshot } = await import('../display/snapshot-summary.ts');
    for (const { report, resumed } of outcomes) {
      await writeOut(describeSnapshot(report, resumed));
    }
  }
  if (signal.aborted) {
    throw new InterruptedError(
      'Interrupted. What was read is kept: the same command goes on from there.',
    );
  }
  const failures = outcomes.map(({ report, error }) => ({ poolId: report.poolId, error }));
  const isHeld = outcomes.some(({ report }) => report.state === 'held');
  // Of several pools, one that failed counts before one that is held, and that before success.
  process.exitCode = tellFailures(failures, config.logLevel) ?? (isHeld ? EXIT.held : EXIT.done);
}
