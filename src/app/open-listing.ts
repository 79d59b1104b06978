import { type Cognito, openCognito } from '../cognito/client.ts';
import type { Config } from '../config/config.ts';
import { resolvePoolSettings } from '../config/pool-settings.ts';
import { describePool } from '../runner/describe-pool.ts';
import { CallMeter } from '../telemetry/calls.ts';
import { createLogger } from '../telemetry/logger.ts';
import { openQuota } from './open-quota.ts';

/** Opens the service for one pool's listing, through the buckets of its account. */
export async function openListing(
  config: Config,
  poolId: string,
  signal: AbortSignal,
): Promise<{ cognito: Cognito; close(): Promise<void> }> {
  const quota = await openQuota(config, createLogger({ level: config.logLevel }), signal);
  try {
    const { role, region } = resolvePoolSettings(config, poolId);
    const log = createLogger({ level: 'silent' });
    const meter = new CallMeter();
    // Buckets of this process's own are the same by any name: the account need not be asked for.
    const accountId =
      quota.redis === null
        ? ''
        : (await describePool({ buckets: quota.buckets, role, region, log }, poolId, meter, signal))
            .accountId;
    const buckets = quota.buckets.of(accountId, region);
    const cognito = openCognito({ region, role, buckets, meter });
    return {
      cognito,
      async close() {
        cognito.close();
        await quota.close();
      },
    };
  } catch (error) {
    await quota.close();
    throw error;
  }
}
