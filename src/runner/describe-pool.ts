import type { Destination } from '../archive/destination.ts';
import type { RetryPolicy } from '../cognito/call.ts';
import { type Cognito, openCognito } from '../cognito/client.ts';
import type { PoolAccess } from '../cognito/sdk.ts';
import type { Pool } from '../model/directory.ts';
import type { ArchiveLock } from '../model/object-lock.ts';
import type { TargetPool } from '../model/restore.ts';
import type { PoolPrivacy } from '../privacy/pool-privacy.ts';
import type { Secrets } from '../privacy/secrets.ts';
import type { AccountBuckets } from '../quota/account-buckets.ts';
import type { CallMeter, CallObserver } from '../telemetry/calls.ts';
import type { Logger } from '../telemetry/logger.ts';

interface DescribeDeps {
  readonly buckets: AccountBuckets;
  /** How the pool is read. */
  readonly access: PoolAccess;
  /** Where the pool is read. */
  readonly region: string;
  /** How often a call is retried. Default: `RETRY_POLICY`. */
  readonly retryPolicy?: RetryPolicy;
  /** Gets every attempt. */
  readonly observer?: CallObserver | undefined;
  readonly log: Logger;
}

/** Asks the service what a pool is. The answer has the account whose quotas its walks use. */
export function describePool(
  deps: DescribeDeps,
  poolId: string,
  meter: CallMeter,
  signal: AbortSignal,
): Promise<Pool> {
  return ask(deps, meter, (cognito) => cognito.describePool(poolId, signal));
}

/** The same, with the rules that writes to the pool must respect. */
export function describeTarget(
  deps: DescribeDeps,
  poolId: string,
  meter: CallMeter,
  signal: AbortSignal,
): Promise<TargetPool> {
  return ask(deps, meter, (cognito) => cognito.describeTarget(poolId, signal));
}

/** Asks before the account is known, through the bucket of the Region. */
async function ask<T>(
  deps: DescribeDeps,
  meter: CallMeter,
  question: (cognito: Cognito) => Promise<T>,
): Promise<T> {
  const { access, region, observer, retryPolicy, log } = deps;
  const buckets = deps.buckets.ofRegion(region);
  const cognito = openCognito({
    region,
    access,
    buckets,
    meter,
    observer,
    log,
    ...(retryPolicy && { retryPolicy }),
  });
  try {
    return await question(cognito);
  } finally {
    cognito.close();
  }
}

/** The settings of one pool, with its destination open. */
export interface PoolDeps {
  /** How the pool is read. */
  readonly access: PoolAccess;
  /** Where the pool is read. */
  readonly region: string;
  readonly destination: Destination;
  /** How the objects of its archive are locked. Null: they are not. */
  readonly archiveLock: ArchiveLock | null;
  /** The share of rows that a snapshot may remove before it is held, 0 to 1. */
  readonly maxRemoved: number;
  /** What Postgres and the archive hide. */
  readonly privacy: PoolPrivacy;
  /** How many AdminGetUser calls for MFA states a snapshot may make. Null: none are read. */
  readonly mfaBudget: number | null;
  /** Hashes the secrets in the pool's settings. Null: snapshots keep no settings. */
  readonly secrets: Secrets | null;
}

/** Looks up the settings of a pool. Throws ActionRequiredError if its archive URL is invalid. */
export type PoolDepsLookup = (poolId: string) => Promise<PoolDeps>;
