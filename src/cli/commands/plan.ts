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

async function runPlan({ mirror, options, json, signal }: PoolsRun): Promise<void> {
  const { outcomes, seconds } = await mirror.planPools(options.pools, { signal });
  if (!json && !(await mirror.exists({ signal }))) {
    console.error(
      `Nothing is mirrored in ${printable(mirror.location)} yet: this plans a first snapshot.`,
    );
  }
  const plans = outcomes.flatMap(({ plan }) => plan ?? []);
  if (json) {
    await writeJson({ pools: plans, seconds });
  } else {
    const { formatPlans } = await import('../display/plan-text.ts');
    await writeOut(formatPlans(plans, seconds, outputWidth()));
  }
  process.exitCode = (await reportFailures(outcomes, options.logger)) ?? EXIT.done;
}
