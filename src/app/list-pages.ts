import { openCognito } from '../cognito/client.ts';
import type { Listing, ListingPage } from '../cognito/listing.ts';
import { resolvePoolSettings } from '../config/pool-settings.ts';
import { describePool } from '../runner/describe-pool.ts';
import { CallMeter } from '../telemetry/calls.ts';
import { createLogger } from '../telemetry/logger.ts';
import type { Resources } from './resources.ts';

/** The service's own listing, page by page, within the quota of the pool's account. */
export async function* listPages(
  resources: Resources,
  listing: Listing,
  signal: AbortSignal,
): AsyncGenerator<ListingPage, void, undefined> {
  const quota = await resources.quota(signal);
  const { role, region } = resolvePoolSettings(resources.config, listing.poolId);
  const access = { ...resources.access, role };
  const meter = new CallMeter();
  const log = createLogger({ level: 'silent' });
  // Only buckets in Redis are named by the account.
  const accountId =
    quota.redis === null
      ? ''
      : (
          await describePool(
            { buckets: quota.buckets, access, region, log },
            listing.poolId,
            meter,
            signal,
          )
        ).accountId;
  const buckets = quota.buckets.of(accountId, region);
  const cognito = openCognito({ region, access, buckets, meter });
  try {
    yield* cognito.list(listing, signal);
  } finally {
    cognito.close();
  }
}
