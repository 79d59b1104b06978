import { configuredRegion } from '../aws/region.ts';
import { openCognito } from '../cognito/client.ts';
import type { Config } from '../config/config.ts';
import { ConfigurationError } from '../model/errors.ts';
import type { AccountBuckets } from '../quota/account-buckets.ts';
import { CallMeter } from '../telemetry/call-meter.ts';
import type { Logger } from '../telemetry/logger.ts';

/**
 * The ids of the pools to mirror. `all` is what the service lists of the account and Region, and what
 * the configuration file names besides, which may be of other accounts.
 */
export async function resolvePools(
  config: Config,
  buckets: AccountBuckets,
  log: Logger,
  signal: AbortSignal,
): Promise<string[]> {
  if (config.pools !== 'all') return [...config.pools];
  const listed = await listPools(buckets, log, signal);
  return [...new Set([...listed, ...config.file.pools.keys()])];
}

async function listPools(
  buckets: AccountBuckets,
  log: Logger,
  signal: AbortSignal,
): Promise<string[]> {
  const region = await configuredRegion();
  if (region === null) {
    throw new ConfigurationError([
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
  const poolIds: string[] = [];
  try {
    for await (const poolId of cognito.listPoolIds(signal)) poolIds.push(poolId);
  } finally {
    cognito.close();
  }
  // To mirror nothing is no success: a wrong account or Region would pass unseen.
  if (poolIds.length > 0) return poolIds;
  throw new ConfigurationError([
    {
      subject: 'COGNITO_POOLS',
      problem: `the account of the credentials in use has no user pool in ${region}.`,
      remedy: 'Set AWS_REGION to the Region of the pools, or use the credentials of their account.',
    },
  ]);
}
