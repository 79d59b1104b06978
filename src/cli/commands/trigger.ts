import { Command } from 'commander';
import { commandHint } from '../../config/command-line.ts';
import { ActionRequiredError } from '../../model/errors.ts';
import { isPoolId, poolIdProblem } from '../../model/pool-id.ts';
import type { Triggered } from '../../runner/trigger.ts';
import { writeJson, writeNote } from '../output.ts';
import { withSignals } from '../signals.ts';

/** `trigger`: asks the workers for a snapshot now. */
export function triggerCommand(): Command {
  return new Command('trigger')
    .description('ask the workers for a snapshot now; also goes on with one that failed')
    .argument('<pool>', "the pool's id")
    .option('--json', 'print one JSON document: {"request":{…}}')
    .action((poolId: string, options: { json?: boolean }) =>
      withSignals((signal) => runTrigger(poolId, options, signal)),
    );
}

async function runTrigger(
  poolId: string,
  options: { json?: boolean },
  signal: AbortSignal,
): Promise<void> {
  if (!isPoolId(poolId)) {
    throw new ActionRequiredError([
      {
        subject: 'POOL',
        problem: poolIdProblem(poolId),
        remedy: 'Give one such as us-east-1_Ab12Cd34.',
      },
    ]);
  }
  const { loadConfig } = await import('../../config/load-config.ts');
  const config = loadConfig(process.env, { pools: [poolId] });
  const { requireMirrorDatabase } = await import('../../app/open-mirror.ts');
  const { trigger } = await import('../../runner/trigger.ts');
  const mirror = await requireMirrorDatabase(config, signal);
  try {
    const triggered = await trigger(mirror.db, poolId);
    if (options.json) await writeJson({ request: triggered });
    else await writeNote(describe(triggered));
  } finally {
    await mirror.close();
  }
}

function describe({ poolId, accepted, workers }: Triggered): string {
  if (!accepted) {
    return `A snapshot of ${poolId} is in progress already: nothing more was asked for.\n`;
  }
  return workers > 0
    ? `Asked for a snapshot of ${poolId}. To see how far it is:\n  ${commandHint(['status', poolId])}\n`
    : `Asked for a snapshot of ${poolId}. No worker is alive: it is taken once one starts.\n`;
}
