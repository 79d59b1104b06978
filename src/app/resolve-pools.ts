import { configuredRegion } from '../aws/shared-config.ts';
import { openCognito } from '../cognito/client.ts';
import type { Config } from '../config/config.ts';
import { ActionRequiredError } from '../model/errors.ts';
import type { Queryable } from '../postgres/connection.ts';
import { findVanishedPools } from '../postgres/store/pools.ts';
import type { AccountBuckets } from '../quota/account-buckets.ts';
import { CallMeter } from '../telemetry/calls.ts';
import type { Logger } from '../telemetry/logger.ts';

/** The pools to mirror. */
export interface ResolvedPools {
  readonly poolIds: readonly string[];
  /** Those that `all` lists; empty where pools are named. */
  readonly listed: readonly string[];
}

/**
 * The ids of the pools to mirror. `all` is what the service lists of the account and Region, what it
 * listed before and lists no more, and what the configuration file names besides, which may be of
 * other accounts. A pool that vanished stays, so that its run fails and its alerts remain.
 */
export async function resolvePools(
  config: Config,
  { db, buckets, log }: { db: Queryable | null; buckets: AccountBuckets; log: Logger },
  signal: AbortSignal,
): Promise<ResolvedPools> {
  if (config.pools !== 'all') return { poolIds: config.pools, listed: [] };
  const { region, listed } = await listPools(buckets, log, signal);
  // Without a database nothing was listed before.
  const vanished = db === null ? [] : await findVanishedPools(db, region, listed);
  for (const poolId of vanished) log.warn({ poolId }, 'COGNITO_POOLS=all no longer lists a pool');
  return { poolIds: [...new Set([...listed, ...vanished, ...config.file.pools.keys()])], listed };
}

async function listPools(
  buckets: AccountBuckets,
  log: Logger,
  signal: AbortSignal,
): Promise<{ region: string; listed: string[] }> {
  const region = await configuredRegion();
  if (region === null) {
    throw new ActionRequiredError([
      {
        subject: 'AWS_REGION',
        problem: 'no Region is set, so there is no Region whose pools `all` could mean.',
        remedy:
          'Set it, or a region in the profile of the shared configuration file, or name the pools in COGNITO_POOLS.',
      },
    ]);
  }
  const cognito = openCognito({
    region,
    buckets: buckets.ofRegion(region),
    meter: new CallMeter(),
    log,
  });
  const listed: string[] = [];
  try {
    for await (const poolId of cognito.listPoolIds(signal)) listed.push(poolId);
  } finally {
    cognito.close();
  }
  // To mirror nothing is no success: a wrong account or Region would pass unseen.
  if (listed.length > 0) return { region, listed };
  throw new ActionRequiredError([
    {
      subject: 'COGNITO_POOLS',
      problem: `the account of the credentials in use has no user pool in ${region}.`,
      remedy: 'Set AWS_REGION to the Region of the pools, or use the credentials of their account.',
    },
  ]);
}
