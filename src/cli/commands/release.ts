import { Command } from 'commander';
import { parseSnapshotArgument } from '../arguments.ts';
import { outputWidth, writeJson, writeNote } from '../output.ts';
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
  options: { json?: boolean },
  signal: AbortSignal,
): Promise<void> {
  const key = parseSnapshotArgument(argument);
  const { loadConfig } = await import('../../config/load-config.ts');
  const config = loadConfig(process.env, { pools: [key.poolId] });
  const { openForRun } = await import('../../app/open-for-run.ts');
  const { workFolder } = await import('../../app/open-archives.ts');
  const { PROGRAM } = await import('../../config/config.ts');
  const { releaseHeld } = await import('../../runner/held.ts');
  const { SnapshotProgress } = await import('../../telemetry/snapshot-progress.ts');
  const { createLogger } = await import('../../telemetry/logger.ts');
  const { describeSnapshot } = await import('../display/snapshot-summary.ts');
  const log = createLogger({ level: config.logLevel });
  const opened = await openForRun(config, log, signal, { existing: true });
  try {
    const report = await releaseHeld(
      {
        db: opened.mirror.db,
        destination: await opened.archives.of(key.poolId),
        formats: config.archiveFormats,
        program: PROGRAM,
        workFolder: workFolder(config),
        progress: new SnapshotProgress(key.poolId),
        log,
      },
      key,
      config.historyDays,
      signal,
    );
    if (options.json) await writeJson({ snapshots: [report] });
    else await writeNote(describeSnapshot({ report }, outputWidth()));
  } finally {
    await opened.close();
  }
}
