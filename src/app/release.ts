import { resolvePoolSettings } from '../config/pool-settings.ts';
import type { SnapshotKey } from '../model/snapshot.ts';
import { releaseHeld } from '../runner/held.ts';
import { SnapshotProgress } from '../telemetry/snapshot-progress.ts';
import type { SyncOptions } from './mirror.ts';
import { ProgressReporter } from './progress-reporter.ts';
import type { Resources } from './resources.ts';

/** Publishes and archives a held snapshot. */
export async function releaseSnapshot(
  resources: Resources,
  key: SnapshotKey,
  onProgress: SyncOptions['onProgress'],
  signal: AbortSignal,
): ReturnType<typeof releaseHeld> {
  const { config, log } = resources;
  const opened = await resources.openForRun([key.poolId], signal, { existing: true });
  const { database, signer } = opened;
  const progress = new SnapshotProgress(key.poolId);
  const reporter = new ProgressReporter(onProgress);
  const notifier = await resources.openNotifier(database.db);
  reporter.add(progress);
  try {
    const context = {
      ...resources.archiveSettings(signer),
      db: database.db,
      destination: await resources.archives.of(key.poolId),
      lock: resolvePoolSettings(resources.config, key.poolId).archiveLock,
      privacy: resources.privacy(key.poolId),
      progress,
      log,
    };
    const { historyDays, archiveKeep: keep } = config;
    const trace = opened.tracing?.begin(key.poolId);
    const released = { historyDays, keep, notifier, ...(trace && { trace }) };
    return await releaseHeld(context, key, released, signal);
  } finally {
    reporter.end();
    await notifier.finish(signal);
  }
}
