import type pg from 'pg';
import { createSyncDeps, type Opened, openForRun } from '../app/open-for-run.ts';
import { resolvePools } from '../app/resolve-pools.ts';
import { saveFailedStart } from '../app/save-failed-start.ts';
import type { Config } from '../config/config.ts';
import { withoutRows } from '../postgres/database-error.ts';
import { recordListed } from '../postgres/store/pools.ts';
import { type PoolOutcome, syncPools } from '../runner/inline/sync.ts';
import { buildReport, logOutcome } from '../runner/outcome.ts';
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
  const { opened, poolIds } = await start(config, log, signal);
  const { buckets } = opened.quota;
  try {
    const stopDisplay = startDisplay({
      progress: () => shown,
      usage: () => buckets.usage(),
      stream: process.stderr,
      log,
    });
    try {
      const deps = createSyncDeps(config, opened, log);
      return await syncPools(
        deps,
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

/** Opens what the run works with and finds its pools; a failure is logged for each pool. */
async function start(
  config: Config,
  log: Logger,
  signal: AbortSignal,
): Promise<{ opened: Opened; poolIds: readonly string[] }> {
  const began = performance.now();
  // Where Postgres is away, the pools that are named are known all the same.
  let failed = config.pools === 'all' ? [] : config.pools;
  const save = async (db: pg.Pool, error: unknown) => {
    failed = await saveFailedStart({ db, log }, config, error, signal);
  };
  try {
    const opened = await openForRun(config, log, signal, { onFailure: save });
    try {
      const { db } = opened.mirror;
      const { buckets } = opened.quota;
      const { poolIds, listed } = await resolvePools(config, { db, buckets, log }, signal);
      await recordListed(db, listed);
      return { opened, poolIds };
    } catch (error) {
      await save(opened.mirror.db, error);
      await opened.close();
      throw error;
    }
  } catch (error) {
    const seconds = Math.round(performance.now() - began) / 1000;
    const reason = withoutRows(error as Error).message;
    // A terminal gets the error in words for a person.
    for (const poolId of process.stderr.isTTY ? [] : failed) {
      const report = buildReport(poolId, null, { seconds, archive: null, reason });
      logOutcome(log, signal.aborted ? 'interrupted' : 'failed', report);
    }
    throw error;
  }
}
