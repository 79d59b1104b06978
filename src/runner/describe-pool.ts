import type pg from 'pg';
import type { Destination } from '../archive/destination.ts';
import { openCognito } from '../cognito/client.ts';
import { ResourceNotFoundError } from '../cognito/errors.ts';
import type { RetryPolicy } from '../cognito/retry.ts';
import type { Role } from '../config/pool-settings.ts';
import type { Pool } from '../model/directory.ts';
import { explainVanished, savePool } from '../postgres/store/pools.ts';
import type { AccountBuckets } from '../quota/account-buckets.ts';
import type { CallMeter, CallObserver } from '../telemetry/calls.ts';
import type { Logger } from '../telemetry/logger.ts';

export interface DescribeDeps {
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
  deps: DescribeDeps,
  poolId: string,
  meter: CallMeter,
  signal: AbortSignal,
): Promise<Pool> {
  const { role, region, observer, retryPolicy, log } = deps;
  const buckets = deps.buckets.ofRegion(region);
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

/**
 * Asks the service what a pool is that is to be mirrored, and keeps the answer.
 *
 * @throws ConfigurationError where it does not exist, or is another pool than the one in the database
 */
export async function describeMirrored(
  deps: DescribeDeps & { readonly db: pg.Pool },
  poolId: string,
  meter: CallMeter,
  signal: AbortSignal,
): Promise<Pool> {
  const { db } = deps;
  try {
    const pool = await describePool(deps, poolId, meter, signal);
    await savePool(db, pool);
    return pool;
  } catch (error) {
    if (!(error instanceof ResourceNotFoundError)) throw error;
    throw (await explainVanished(db, poolId, deps.region, error)) ?? error;
  }
}

/** What one pool is mirrored with. */
export interface PoolDeps {
  /** Null: the credentials of the environment. */
  readonly role: Role | null;
  /** Where the pool is read. */
  readonly region: string;
  readonly destination: Destination;
  /** The guard's share, 0 to 1. */
  readonly maxRemoved: number;
}

/** Gives what a pool is mirrored with; throws ConfigurationError where its archive is named wrongly. */
export type PoolDepsLookup = (poolId: string) => Promise<PoolDeps>;
