import { Command } from 'commander';
import { loadOptions, type Triggered } from '../../index.ts';
import { commandHint } from '../command-line.ts';
import { writeJson, writeNote } from '../output.ts';
import { withMirror } from '../pools-command.ts';
import { withSignals } from '../signals.ts';

/** `trigger`: asks the workers for a snapshot now. */
export function triggerCommand(): Command {
  return new Command('trigger')
    .description('ask the workers for a snapshot now, or to resume one that failed')
    .argument('<pool>', "the pool's id, ARN or name")
    .option('--json', 'print one JSON document: {"request":{…}}')
    .action((poolId: string, options: { json?: boolean }) =>
      withSignals((signal) => runTrigger(poolId, options, signal)),
    );
}

async function runTrigger(
  poolId: string,
  { json }: { json?: boolean },
  signal: AbortSignal,
): Promise<void> {
  const triggered = await withMirror(
    await loadOptions(process.env, { pools: [poolId] }),
    (mirror) => mirror.trigger(poolId, { signal }),
  );
  if (json) await writeJson({ request: triggered });
  else await writeNote(describe(triggered));
}

function describe({ poolId, accepted, workers }: Triggered): string {
  if (!accepted) {
    return `A snapshot of ${poolId} is in progress already. Nothing was requested.\n`;
  }
  return workers > 0
    ? `Requested a snapshot of ${poolId}. To see its progress:\n  ${commandHint(['status', poolId])}\n`
    : `Requested a snapshot of ${poolId}. No worker is alive: the next one to start takes it.\n`;
}
