import { Command } from 'commander';
import { loadOptions } from '../../index.ts';
import { outputWidth, writeJson, writeNote } from '../output.ts';
import { withMirror } from '../pools-command.ts';
import { withSignals } from '../signals.ts';

/** `release`: publishes and archives a held snapshot. */
export function releaseCommand(): Command {
  return new Command('release')
    .description('publish and archive a held snapshot')
    .argument('<pool/snapshot>', 'the snapshot, as status shows it')
    .option('--json', 'print one JSON document: {"snapshots":[…]}')
    .action((argument: string, options: { json?: boolean }) =>
      withSignals((signal) => runRelease(argument, options, signal)),
    );
}

async function runRelease(
  argument: string,
  { json }: { json?: boolean },
  signal: AbortSignal,
): Promise<void> {
  const { describeSnapshot } = await import('../display/snapshot-summary.ts');
  const report = await withMirror(await loadOptions(process.env), (mirror) =>
    mirror.release(argument, { signal }),
  );
  if (json) await writeJson({ snapshots: [report] });
  else await writeNote(describeSnapshot({ report }, outputWidth()));
}
