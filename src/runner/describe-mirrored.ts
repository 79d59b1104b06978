import type pg from 'pg';
import { ResourceNotFoundError } from '../cognito/errors.ts';
import type { Pool } from '../model/pool.ts';
import { vanishedError } from '../postgres/state/listed-pools.ts';
import { savePool } from '../postgres/state/pools.ts';
import type { CallMeter } from '../telemetry/call-meter.ts';
import { type DescribeParts, describePool } from './describe-pool.ts';

/**
 * Asks the service what a pool is that is to be mirrored, and keeps the answer.
 *
 * @throws ConfigurationError where it does not exist, or is another pool than the one in the database
 */
export async function describeMirrored(
  parts: DescribeParts & { readonly db: pg.Pool },
  poolId: string,
  meter: CallMeter,
  signal: AbortSignal,
): Promise<Pool> {
  const { db } = parts;
  try {
    const pool = await describePool(parts, poolId, meter, signal);
    await savePool(db, pool);
    return pool;
  } catch (error) {
    if (!(error instanceof ResourceNotFoundError)) throw error;
    throw (await vanishedError(db, poolId, parts.region, error)) ?? error;
  }
}
