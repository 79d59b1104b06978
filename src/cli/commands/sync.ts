import { Command } from 'commander';
import { ConfigurationError, InterruptedError } from '../../model/errors.ts';
import type { PoolOutcome } from '../../runner/inline/sync.ts';
import { EXIT } from '../exit-codes.ts';
import { writeJson, writeOut } from '../output.ts';
import { describeFailure } from '../report-error.ts';
import { withSignals } from '../signals.ts';

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
  for (const { report, error } of outcomes) {
    if (error === null) continue;
    for (const line of describeFailure(error, config.logLevel === 'debug')) {
      console.error(`${line} (${report.poolId})`);
    }
  }
  process.exitCode = exitCodeOfRun(outcomes);
}

/** Of several pools, one that failed counts before one that is held, and that before success. */
function exitCodeOfRun(outcomes: readonly PoolOutcome[]): number {
  const errors = outcomes.flatMap(({ error }) => (error === null ? [] : [error]));
  if (errors.length > 0) {
    const allUnusable =
      errors.length === outcomes.length &&
      errors.every((error) => error instanceof ConfigurationError);
    return allUnusable ? EXIT.usage : EXIT.failed;
  }
  return outcomes.some(({ report }) => report.state === 'held') ? EXIT.held : EXIT.done;
}
