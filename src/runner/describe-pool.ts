import { openCognito } from '../cognito/client.ts';
import type { Pool } from '../model/pool.ts';
import { regionOf } from '../model/pool-id.ts';
import type { AccountBuckets } from '../quota/account-buckets.ts';
import type { CallMeter } from '../telemetry/call-meter.ts';
import type { Logger } from '../telemetry/logger.ts';

/** Asks the service what a pool is; the answer tells the account whose quotas its walks use. */
export async function describePool(
  parts: { readonly buckets: AccountBuckets; readonly log: Logger },
  poolId: string,
  meter: CallMeter,
  signal: AbortSignal,
): Promise<Pool> {
  const region = regionOf(poolId);
  const buckets = parts.buckets.ofRegion(region);
  const cognito = openCognito({ region, buckets, meter, log: parts.log });
  try {
    return await cognito.describePool(poolId, signal);
  } finally {
    cognito.close();
  }
}
