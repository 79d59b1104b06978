import type pg from 'pg';
import { configuredRegion } from '../aws/shared-config.ts';
import type { Config } from '../config/config.ts';
import { listPoolsInRegion } from '../postgres/store/pools.ts';
import { saveOutcome } from '../runner/outcome.ts';
import type { Logger } from '../telemetry/logger.ts';

/**
 * Records in Postgres that a run ended before it began any snapshot, as its archive, Redis or
 * credentials could not be used: `status` shows it, pool by pool. Of `COGNITO_POOLS=all` the pools
 * that were mirrored before are known.
 *
 * @returns the ids of the pools that it is recorded of.
 */
export async function saveFailedStart(
  { db, log }: { readonly db: pg.Pool; readonly log: Logger },
  config: Config,
  why: unknown,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const outcome = signal.aborted ? 'interrupted' : 'failed';
  const poolIds = config.pools === 'all' ? await knownPools(db) : config.pools;
  for (const poolId of poolIds)
    await saveOutcome({ db, log }, poolId, { outcome, snapshot: null, why });
  return poolIds;
}

async function knownPools(db: pg.Pool): Promise<readonly string[]> {
  const region = await configuredRegion().catch(() => null);
  return region === null ? [] : listPoolsInRegion(db, region).catch(() => []);
}
