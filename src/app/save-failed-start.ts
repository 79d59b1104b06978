import type pg from 'pg';
import { configuredRegion } from '../aws/shared-config.ts';
import { listPoolsInRegion } from '../postgres/store/pools.ts';
import { saveOutcome } from '../runner/outcome.ts';
import type { Logger } from '../telemetry/logger.ts';

/**
 * Records in Postgres that a run ended before it started any snapshot, because its archive, Redis or
 * credentials could not be used: `status` shows it for each pool. Of `all`, it knows the pools that
 * were mirrored before.
 *
 * @returns the ids of the pools that it is recorded of
 */
export async function saveFailedStart(
  { db, log }: { readonly db: pg.Pool; readonly log: Logger },
  pools: readonly string[] | 'all',
  why: unknown,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const outcome = signal.aborted ? 'interrupted' : 'failed';
  const poolIds = pools === 'all' ? await listKnownPools(db) : pools;
  for (const poolId of poolIds) {
    await saveOutcome({ db, log }, poolId, { outcome, snapshot: null, why });
  }
  return poolIds;
}

async function listKnownPools(db: pg.Pool): Promise<readonly string[]> {
  const region = await configuredRegion().catch(() => null);
  return region === null ? [] : listPoolsInRegion(db, region).catch(() => []);
}
