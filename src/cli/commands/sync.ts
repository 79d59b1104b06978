import { Command } from 'commander';
import { InterruptedError } from '../../model/errors.ts';
import { EXIT } from '../exit-codes.ts';
import { writeJson, writeOut } from '../output.ts';
import { withSignals } from '../signals.ts';
import { tellFailures } from '../tell-failures.ts';

/** `sync`: takes, publishes and archives a snapshot of each pool. */
export function syncCommand(): Command {
  return new Command('sync')
    .description('take, publish and archive a snapshot of each pool; resume an unfinished one')
    .argument('[pool...]', 'ids of pools; without any, those of COGNITO_POOLS')
    .option('--json', 'print one JSON document: {"snapshots":[…]}')
    .action((pools: string[], options: { json?: boolean }) =>
      withSignals((signal) => runSync(pools, options, signal)),
    );
}

async function runSync(
  pools: readonly string[],
  options: { json?: boolean },
  signal: AbortSignal,
): Promise<void> {
  const { loadConfig } = await import('../../config/load-config.ts');
  const config = loadConfig(process.env, { pools, needsPools: true });
  const { createLogger } = await import('../../telemetry/logger.ts');
  const { mirrorPools } = await import('../mirror-pools.ts');
  const log = createLogger({ level: config.logLevel });
  const outcomes = await mirrorPools(config, log, signal);
  if (options.json) {
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
