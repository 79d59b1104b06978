import { openBuckets, openMirrorAndArchive, resolvePools, syncParts } from '../app.ts';
import type { Config } from '../config/config.ts';
import { type PoolOutcome, syncPools } from '../runner/inline/sync.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { SnapshotProgress } from '../telemetry/snapshot-progress.ts';
import { startDisplay } from './display/display.ts';

/**
 * Mirrors the pools of the configuration inline, and shows on standard error how far it is.
 *
 * @returns what became of each pool; it throws only where nothing could be begun.
 */
export async function mirrorPools(
  config: Config,
  log: Logger,
  signal: AbortSignal,
): Promise<PoolOutcome[]> {
  const { mirror, destination } = await openMirrorAndArchive(config, signal);
  const buckets = openBuckets(config);
  try {
    const poolIds = await resolvePools(config, buckets, log, signal);
    const shown: SnapshotProgress[] = [];
    const stopDisplay = startDisplay({
      progress: () => shown,
      usage: () => buckets.usage(),
      stream: process.stderr,
      log,
    });
    try {
      const parts = syncParts(config, { mirror, destination, buckets, log });
      return await syncPools(parts, poolIds, (progress) => shown.push(progress), signal);
    } finally {
      stopDisplay();
    }
  } finally {
    await buckets.close();
    await mirror.close();
  }
}
