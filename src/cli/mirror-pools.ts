import { openForRun } from '../app/open-for-run.ts';
import { resolvePools } from '../app/resolve-pools.ts';
import { saveFailedStart } from '../app/save-failed-start.ts';
import { syncParts } from '../app/sync-parts.ts';
import type { Config } from '../config/config.ts';
import { noteListed } from '../postgres/state/listed-pools.ts';
import { type PoolOutcome, syncPools } from '../runner/inline/sync.ts';
import { logOutcome } from '../runner/log-outcome.ts';
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
  const opened = await openForRun(config, log, signal, {
    onFailure: (db, error) => saveFailedStart(db, config, error, signal),
  });
  const { buckets } = opened.quota;
  try {
    const { db } = opened.mirror;
    const { poolIds, listed } = await resolvePools(config, { db, buckets, log }, signal).catch(
      async (error) => {
        await saveFailedStart(db, config, error, signal);
        throw error;
      },
    );
    await noteListed(db, listed);
    const stopDisplay = startDisplay({
      progress: () => shown,
      usage: () => buckets.usage(),
      stream: process.stderr,
      log,
    });
    try {
      const parts = syncParts(config, opened, log);
      return await syncPools(
        parts,
        poolIds,
        {
          onBegin: (progress) => shown.push(progress),
          // A terminal gets the outcome in words for a person.
          onEnd: ({ outcome, report, error }) => {
            if (process.stderr.isTTY) return;
            logOutcome(log, outcome, report);
            if (error !== null) log.debug({ poolId: report.poolId, err: error }, 'run ended here');
          },
        },
        signal,
      );
    } finally {
      stopDisplay();
    }
  } finally {
    await opened.close();
  }
}
