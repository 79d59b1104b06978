import { Command } from 'commander';
import { parseSnapshotArgument } from '../arguments.ts';
import { writeJson, writeNote } from '../output.ts';
import { withSignals } from '../signals.ts';

/** `discard`: gives up a snapshot that is held or still being read. */
export function discardCommand(): Command {
  return new Command('discard')
    .description('give up a snapshot that is held, or that is still being read')
    .argument('<pool/snapshot>', 'the snapshot, as status shows it')
    .option('--json', 'print one JSON document: {"snapshots":[…]}')
    .action((argument: string, options: { json?: boolean }) =>
      withSignals((signal) => runDiscard(argument, options, signal)),
    );
}

async function runDiscard(
  argument: string,
  options: { json?: boolean },
  signal: AbortSignal,
): Promise<void> {
  const key = parseSnapshotArgument(argument);
  const { loadConfig } = await import('../../config/load-config.ts');
  const { requireMirrorDatabase } = await import('../../app/open-mirror.ts');
  const { discard } = await import('../../runner/held.ts');
  const mirror = await requireMirrorDatabase(loadConfig(process.env), signal);
  try {
    const report = await discard(mirror.db, key);
    if (options.json) await writeJson({ snapshots: [report] });
    else await writeNote(`${argument} is discarded; the current state stays as it was.\n`);
  } finally {
    await mirror.close();
  }
}
