import type pg from 'pg';
import { resolvePoolSettings } from '../config/pool-settings.ts';
import { describeSafely } from '../postgres/database-error.ts';
import { recordListed } from '../postgres/store/pools.ts';
import { reportVanished, tryReport } from '../runner/alarms.ts';
import { type PoolOutcome, type SyncWatcher, syncPools } from '../runner/inline/sync.ts';
import { buildReport, logOutcome } from '../runner/outcome.ts';
import { resolvePools } from './resolve-pools.ts';
import type { Opened, Resources } from './resources.ts';
import { reportFailedStart, saveFailedStart } from './save-failed-start.ts';

interface RunWatcher extends SyncWatcher {
  /** False if the caller shows how each pool ended: the log then leaves it out. */
  readonly logsOutcomes?: boolean;
}

/**
 * Takes, publishes and archives a snapshot of each pool in this process.
 *
 * @returns the outcome of each pool
 * @throws only if no pool could be started
 */
export async function mirrorPools(
  resources: Resources,
  pools: readonly string[] | 'all',
  watcher: RunWatcher,
  signal: AbortSignal,
): Promise<PoolOutcome[]> {
  const { config, log } = resources;
  const { logsOutcomes = true, onBegin, onEnd } = watcher;
  const { opened, poolIds } = await start(resources, pools, logsOutcomes, signal);
  const notifier = await resources.openNotifier(opened.database.db);
  await tryReport(reportVanished, { db: opened.database.db, notifier, log });
  const outcomes = await syncPools(
    { ...resources.syncDeps(opened), notifier },
    poolIds.map((poolId) => ({ poolId, region: resolvePoolSettings(config, poolId).region })),
    {
      ...(onBegin && { onBegin }),
      onEnd(ended) {
        const { outcome, report, error } = ended;
        if (logsOutcomes) logOutcome(log, outcome, report);
        if (logsOutcomes && error !== null) {
          const { poolId, snapshot } = report;
          log.debug({ poolId, snapshot, err: error }, 'run ended here');
        }
        onEnd?.(ended);
      },
    },
    signal,
  );
  await notifier.finish(signal);
  return outcomes;
}

/** Opens what the run works with and finds its pools; a failure is recorded for each pool. */
async function start(
  resources: Resources,
  pools: readonly string[] | 'all',
  logsOutcomes: boolean,
  signal: AbortSignal,
): Promise<{ opened: Opened; poolIds: readonly string[] }> {
  const { log } = resources;
  const began = performance.now();
  // Without Postgres, only the pools that were named are known.
  let failed = pools === 'all' ? [] : pools;
  let database: pg.Pool | null = null;
  const onFailure = async (db: pg.Pool, error: unknown) => {
    database = db;
    failed = await saveFailedStart({ db, log }, pools, error, signal);
  };
  try {
    const opened = await resources.openForRun(pools, signal, { onFailure });
    const { db } = opened.database;
    try {
      const { buckets } = opened.quota;
      const { poolIds, listed } = await resolvePools(resources, pools, { db, buckets }, signal);
      await recordListed(db, listed);
      return { opened, poolIds };
    } catch (error) {
      await onFailure(db, error);
      throw error;
    }
  } catch (error) {
    const seconds = Math.round(performance.now() - began) / 1000;
    const reason = describeSafely(error);
    await reportFailedStart(await resources.openNotifier(database), failed, error, signal);
    for (const poolId of logsOutcomes ? failed : []) {
      const report = buildReport(poolId, null, { seconds, archive: null, reason });
      logOutcome(log, signal.aborted ? 'interrupted' : 'failed', report);
    }
    throw error;
  }
}
