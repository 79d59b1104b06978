import type pg from 'pg';
import { configuredRegion } from '../aws/shared-config.ts';
import type { Notifier } from '../notify/notifier.ts';
import { listPoolsInRegion } from '../postgres/store/pools.ts';
import { explainOutcome, saveOutcome } from '../runner/outcome.ts';
import type { Logger } from '../telemetry/logger.ts';

/**
 * Records in Postgres that a run ended before it started any snapshot, because its archive, Redis or
 * credentials could not be used: `status` shows it for each pool. Of `all`, it knows the pools that
 * were mirrored before.
 *
 * @returns the ids of the pools that it was recorded for
 */
export async function saveFailedStart(
  { db, log }: { readonly db: pg.Pool; readonly log: Logger },
  pools: readonly string[] | 'all',
  why: unknown,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const outcome = signal.aborted ? 'interrupted' : 'failed';
  const poolIds = pools === 'all' ? await listKnownPools(db, log) : pools;
  for (const poolId of poolIds) {
    await saveOutcome({ db, log }, poolId, { outcome, snapshot: null, why });
  }
  return poolIds;
}

/** Pings the failure of each pool, and waits a moment for what is to be sent. */
export async function reportFailedStart(
  notifier: Notifier,
  poolIds: readonly string[],
  why: unknown,
  signal: AbortSignal,
): Promise<void> {
  const reason = explainOutcome(why);
  for (const poolId of poolIds) {
    notifier.runEnded({ poolId, runId: null, succeeded: false, snapshotAt: null, reason });
  }
  await notifier.finish(signal);
}

async function listKnownPools(db: pg.Pool, log: Logger): Promise<readonly string[]> {
  try {
    const region = await configuredRegion();
    return region === null ? [] : await listPoolsInRegion(db, region);
  } catch (error) {
    // The failure of the start is reported in any case; only `status` lacks it then.
    const reason = explainOutcome(error);
    log.warn({ reason }, 'could not record for which pools the start failed');
    return [];
  }
}
