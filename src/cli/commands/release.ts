import { Command } from 'commander';
import { writeJson, writeOut } from '../output.ts';
import { withSignals } from '../signals.ts';
import { parseSnapshotArgument } from '../snapshot-argument.ts';

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
  options: { json?: boolean },
  signal: AbortSignal,
): Promise<void> {
  const key = parseSnapshotArgument(argument);
  const { loadConfig } = await import('../../config/load-config.ts');
  const config = loadConfig(process.env);
  const { openMirrorAndArchive, workFolder } = await import('../../app.ts');
  const { PROGRAM } = await import('../../config/program.ts');
  const { releaseHeld } = await import('../../runner/held.ts');
  const { SnapshotProgress } = await import('../../telemetry/snapshot-progress.ts');
  const { describeSnapshot } = await import('../display/snapshot-summary.ts');
  const { mirror, destination } = await openMirrorAndArchive(config, signal);
  try {
    const report = await releaseHeld(
      {
        db: mirror.db,
        destination,
        formats: config.archiveFormats,
        program: PROGRAM,
        workFolder: workFolder(config),
        progress: new SnapshotProgress(key.poolId),
      },
      key,
      config.historyDays,
      signal,
    );
    if (options.json) await writeJson({ snapshots: [report] });
    else await writeOut(describeSnapshot(report));
  } finally {
    await mirror.close();
  }
}
