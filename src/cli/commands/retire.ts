import { Command } from 'commander';
import { loadOptions } from '../../index.ts';
import { writeNote } from '../output.ts';
import { withMirror } from '../pools-command.ts';
import { withSignals } from '../signals.ts';

/** `retire`: ends the alarms of a pool that is mirrored no more. */
export function retireCommand(): Command {
  return new Command('retire')
    .description('end the alarms of a pool that was deleted or is mirrored no more; its data stays')
    .argument('<pool>', "the pool's id, ARN or name")
    .action((poolId: string) => withSignals((signal) => runRetire(poolId, signal)));
}

async function runRetire(poolId: string, signal: AbortSignal): Promise<void> {
  await withMirror(await loadOptions(process.env, { pools: [poolId] }), (mirror) =>
    mirror.retire(poolId, { signal }),
  );
  await writeNote(
    `${poolId} is retired: no alarm expects a snapshot of it. What was mirrored stays.\n`,
  );
}
