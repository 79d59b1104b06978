import { openCognito } from '../cognito/client.ts';
import type { RetryPolicy } from '../cognito/retry.ts';
import type { Role } from '../config/pool-settings.ts';
import type { Pool } from '../model/pool.ts';
import type { AccountBuckets } from '../quota/account-buckets.ts';
import type { CallMeter, CallObserver } from '../telemetry/call-meter.ts';
import type { Logger } from '../telemetry/logger.ts';

export interface DescribeParts {
  readonly buckets: AccountBuckets;
  /** Null: the credentials of the environment. */
  readonly role: Role | null;
  /** Where the pool is read. */
  readonly region: string;
  /** How often a call is tried again; as `retry.ts` has it where absent. */
  readonly retryPolicy?: RetryPolicy;
  /** Told of every attempt. */
  readonly observer?: CallObserver;
  readonly log: Logger;
}

/** Asks the service what a pool is; the answer tells the account whose quotas its walks use. */
export async function describePool(
  parts: DescribeParts,
  poolId: string,
  meter: CallMeter,
  signal: AbortSignal,
): Promise<Pool> {
  const { role, region, observer, retryPolicy, log } = parts;
  const buckets = parts.buckets.ofRegion(region);
  const cognito = openCognito({
    region,
    role,
    buckets,
    meter,
    observer,
    log,
    ...(retryPolicy && { retryPolicy }),
  });
  try {
    return await cognito.describePool(poolId, signal);
  } finally {
    cognito.close();
  }
}
