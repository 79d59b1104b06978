import type { Command } from 'commander';
import { printable } from '../../common/printable.ts';
import { EXIT, reportFailures } from '../errors.ts';
import { outputWidth, writeJson, writeOut } from '../output.ts';
import { type PoolsRun, poolsCommand } from '../pools-command.ts';

/** `plan`: what a snapshot of each pool will cost, without reading a user. */
export function planCommand(): Command {
  return poolsCommand(
    'plan',
    'estimate what a snapshot of each pool will cost in calls, time, rows and bytes, without reading a user',
    '{"pools":[…],"seconds":…}',
    runPlan,
  );
}

async function runPlan({ config, log, json, signal }: PoolsRun): Promise<void> {
  const { openForPlan } = await import('../../app/open-for-plan.ts');
  const { resolvePools } = await import('../../app/resolve-pools.ts');
  const { planPools, computeTotalSeconds } = await import('../../estimate/plan-pools.ts');
  const { describeLocation } = await import('../../postgres/database.ts');
  const opened = await openForPlan(config, log, signal);
  try {
    if (opened.deps.db === null && !json) {
      console.error(
        `Nothing is mirrored in ${printable(describeLocation(config))} yet: a first snapshot is planned.`,
      );
    }
    const { poolIds } = await resolvePools(config, opened.deps, signal);
    const outcomes = await planPools(opened.deps, poolIds, signal);
    signal.throwIfAborted();
    const plans = outcomes.flatMap(({ plan }) => plan ?? []);
    const seconds = computeTotalSeconds(plans);
    if (json) {
      await writeJson({ pools: plans, seconds });
    } else {
      const { planText } = await import('../display/plan-text.ts');
      await writeOut(planText(plans, seconds, outputWidth()));
    }
    process.exitCode = reportFailures(outcomes, config.logLevel) ?? EXIT.done;
  } finally {
    await opened.close();
  }
}
