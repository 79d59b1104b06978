import { Command } from 'commander';
import { loadOptions } from '../../index.ts';
import { commandHint } from '../command-line.ts';
import { writeJson, writeNote } from '../output.ts';
import { withMirror } from '../pools-command.ts';
import { withSignals } from '../signals.ts';

/** `discard`: drops a snapshot that is held or still being read. */
export function discardCommand(): Command {
  return new Command('discard')
    .description('drop a snapshot that is held or still being read')
    .argument('<pool/snapshot>', 'the snapshot, as status shows it')
    .option('--json', 'print one JSON document: {"snapshots":[…]}')
    .action((argument: string, options: { json?: boolean }) =>
      withSignals((signal) => runDiscard(argument, options, signal)),
    );
}

async function runDiscard(
  argument: string,
  { json }: { json?: boolean },
  signal: AbortSignal,
): Promise<void> {
  const report = await withMirror(await loadOptions(process.env), (mirror) =>
    mirror.discard(argument, { signal }),
  );
  if (json) await writeJson({ snapshots: [report] });
  else {
    const again = commandHint(['sync', report.poolId]);
    await writeNote(
      `${argument} is discarded; the current state is unchanged.\nTo read the pool again:\n  ${again}\n`,
    );
  }
}
