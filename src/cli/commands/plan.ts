import { Command } from 'commander';
import { EXIT } from '../exit-codes.ts';
import { writeJson, writeOut } from '../output.ts';
import { withSignals } from '../signals.ts';
import { tellFailures } from '../tell-failures.ts';

/** `plan`: what a snapshot of each pool will cost, without reading a user. */
export function planCommand(): Command {
  return new Command('plan')
    .description(
      'estimate what a snapshot of each pool will cost in calls, time, rows and bytes, without reading a user',
    )
    .argument('[pool...]', 'ids of pools; without any, those of COGNITO_POOLS')
    .option('--json', 'print one JSON document: {"pools":[…],"seconds":…}')
    .action((pools: string[], options: { json?: boolean }) =>
      withSignals((signal) => runPlan(pools, options, signal)),
    );
}

async function runPlan(
  pools: readonly string[],
  options: { json?: boolean },
  signal: AbortSignal,
): Promise<void> {
  const { loadConfig } = await import('../../config/load-config.ts');
  const config = loadConfig(process.env, { pools, needsPools: true });
  const { createLogger } = await import('../../telemetry/logger.ts');
  const { openForPlan } = await import('../../app/open-for-plan.ts');
  const { resolvePools } = await import('../../app/resolve-pools.ts');
  const { planPools, secondsTogether } = await import('../../runner/plan-pools.ts');
  const log = createLogger({ level: config.logLevel });
  const opened = await openForPlan(config, log, signal);
  try {
    const poolIds = await resolvePools(config, opened.parts.buckets, log, signal);
    const outcomes = await planPools(opened.parts, poolIds, signal);
    signal.throwIfAborted();
    const plans = outcomes.flatMap(({ plan }) => plan ?? []);
    const seconds = secondsTogether(plans);
    if (options.json) {
      await writeJson({ pools: plans, seconds });
    } else {
      const { planText } = await import('../display/plan-text.ts');
      // What is no terminal, or does not tell its size, has no width to break lines to.
      const width = process.stdout.columns || Number.POSITIVE_INFINITY;
      await writeOut(planText(plans, seconds, width));
    }
    process.exitCode = tellFailures(outcomes, config.logLevel) ?? EXIT.done;
  } finally {
    await opened.close();
  }
}
