import { openForRun } from '../app/open-for-run.ts';
import { resolvePools } from '../app/resolve-pools.ts';
import { syncParts } from '../app/sync-parts.ts';
import type { Config } from '../config/config.ts';
import { type PoolOutcome, syncPools } from '../runner/inline/sync.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { SnapshotProgress } from '../telemetry/snapshot-progress.ts';
import { startDisplay } from './display/display.ts';

/**
 * Mirrors the pools of the configuration inline, and shows on standard error how far it is.
 *
 * @param shown gets the progress of each pool before its run begins
 * @returns what became of each pool; it throws only where nothing could be begun.
 */
export async function mirrorPools(
  config: Config,
  log: Logger,
  shown: SnapshotProgress[],
  signal: AbortSignal,
): Promise<PoolOutcome[]> {
  const opened = await openForRun(config, signal);
  const { buckets } = opened.quota;
  try {
    const poolIds = await resolvePools(config, buckets, log, signal);
    const stopDisplay = startDisplay({
      progress: () => shown,
      usage: () => buckets.usage(),
      stream: process.stderr,
      log,
    });
    try {
      const parts = syncParts(config, opened, log);
      return await syncPools(parts, poolIds, (progress) => shown.push(progress), signal);
    } finally {
      stopDisplay();
    }
  } finally {
    await opened.close();
  }
}
