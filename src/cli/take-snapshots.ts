import type { Mirror, PoolOutcome, SnapshotProgress } from '../index.ts';
import { startDisplay } from './display/display.ts';

/**
 * Takes a snapshot of each pool, and shows the progress on standard error.
 *
 * @param shown receives the progress of each pool before its run starts
 */
export async function takeSnapshots(
  mirror: Mirror,
  pools: readonly string[] | 'all',
  shown: SnapshotProgress[],
  signal: AbortSignal,
): Promise<readonly PoolOutcome[]> {
  const stopDisplay = startDisplay({
    progress: () => shown,
    usage: () => mirror.usage,
    stream: process.stderr,
    log: mirror.logger,
  });
  try {
    return await mirror.syncPools(pools, {
      signal,
      onProgress(progress) {
        if (!shown.includes(progress)) shown.push(progress);
      },
      // A terminal shows the outcome in words for a person.
      logsOutcomes: !process.stderr.isTTY,
    });
  } finally {
    stopDisplay();
  }
}
