import {
  type CallerAnswer,
  isServedElsewhere,
  readCallerIdentity,
  requireCredentials,
} from '../aws/caller-identity.ts';
import { configuredRegion } from '../aws/shared-config.ts';
import { type ListedPool, openCognito } from '../cognito/client.ts';
import { resolveAllowances, resolvePoolSettings } from '../config/pool-settings.ts';
import { parsePool } from '../model/pool-id.ts';
import { AccountBuckets, localAccountBuckets } from '../quota/account-buckets.ts';
import { CallMeter } from '../telemetry/calls.ts';
import type { Connections } from './connections.ts';
import { type DoctorContext, QUICK_CALLS, SILENT } from './context.ts';
import type { Servers } from './servers.ts';

/** The account at AWS, and how calls to it are limited. */
export interface Service {
  /** Whose credentials are in use. Null: the service is not AWS, and the credentials exist. */
  readonly identity: () => Promise<CallerAnswer | null>;
  /** The Region of calls that are about no pool. */
  readonly region: () => Promise<string>;
  /** The buckets that calls pass: those in Redis, or this process's own if it cannot be used. */
  readonly buckets: () => Promise<AccountBuckets>;
  /** Every pool of the account and Region. */
  readonly listPools: () => Promise<readonly ListedPool[]>;
}

/** Finds the account of an examination. Nothing is asked before it is used. */
export function findService(
  { config, access }: DoctorContext,
  connections: Connections,
  { redis }: Servers,
): Service {
  const identity = () =>
    connections.once('identity', async (signal) => {
      if (!isServedElsewhere(access)) return readCallerIdentity(access, await region(), signal);
      await requireCredentials(access);
      return null;
    });

  const region = async () => {
    const named = access.region ?? (await configuredRegion().catch(() => null));
    if (named !== null) return named;
    const [first] = config.pools === 'all' ? [] : config.pools;
    const parsed = first === undefined ? null : parsePool(first);
    return parsed !== null && 'poolId' in parsed
      ? resolvePoolSettings(config, parsed.poolId).region
      : 'us-east-1';
  };

  const buckets = () =>
    connections.once('buckets', async () => {
      const allowances = resolveAllowances(config);
      const connection = await redis();
      const opened =
        connection === null
          ? localAccountBuckets(allowances)
          : new AccountBuckets(
              (await import('../quota/clustered/limiter.ts')).clusteredBackend(connection, SILENT),
              allowances,
            );
      connections.onClose(() => opened.close());
      return opened;
    });

  const listPools = () =>
    connections.once('pools', async (signal) => {
      const own = { region: await region(), access: { ...access, role: null } };
      const ofRegion = (await buckets()).ofRegion(own.region);
      const meter = new CallMeter();
      const cognito = openCognito({ ...own, buckets: ofRegion, meter, retryPolicy: QUICK_CALLS });
      const listed: ListedPool[] = [];
      try {
        for await (const pool of cognito.listPools(signal)) listed.push(pool);
      } finally {
        cognito.close();
      }
      return listed;
    });

  return { identity, region, buckets, listPools };
}
