import { configuredRegion } from '../aws/shared-config.ts';
import { type ListedPool, openCognito } from '../cognito/client.ts';
import { ActionRequiredError } from '../model/errors.ts';
import type { Queryable } from '../postgres/connection.ts';
import { findVanishedPools } from '../postgres/store/pools.ts';
import type { AccountBuckets } from '../quota/account-buckets.ts';
import { CallMeter } from '../telemetry/calls.ts';
import type { Resources } from './resources.ts';

/** The pools to mirror. */
interface ResolvedPools {
  readonly poolIds: readonly string[];
  /** Those that `all` lists; empty if pools are named. */
  readonly listed: readonly string[];
}

/** What finding pools needs of a mirror's resources. */
export type ResolveContext = Pick<Resources, 'config' | 'access' | 'log'>;

/**
 * The ids of the pools to mirror. `all` means every pool that the service lists in the account and
 * Region, now or earlier, and the pools of the file, which may be in other accounts. A pool that
 * vanished stays, so that its run fails and its alerts remain.
 */
export async function resolvePools(
  context: ResolveContext,
  pools: readonly string[] | 'all',
  { db, buckets }: { db: Queryable | null; buckets: AccountBuckets },
  signal: AbortSignal,
): Promise<ResolvedPools> {
  if (pools !== 'all') return { poolIds: pools, listed: [] };
  const { config } = context;
  const { region, pools: found } = await listAccountPools(context, buckets, signal);
  // An empty list is an error: otherwise a wrong account or Region stays unnoticed.
  if (found.length === 0) {
    throw ActionRequiredError.of(
      'COGNITO_POOLS',
      `the account of the current credentials has no user pool in ${region}.`,
      'Set AWS_REGION to the Region of the pools, or use the credentials of their account.',
    );
  }
  const listed = found.map(({ poolId }) => poolId);
  const vanished = db === null ? [] : await findVanishedPools(db, region, listed);
  return { poolIds: [...new Set([...listed, ...vanished, ...config.file.pools.keys()])], listed };
}

/**
 * The pools of the account in the configured Region.
 *
 * @throws ActionRequiredError if no Region is configured, or the list is refused
 */
export async function listAccountPools(
  { access, log }: ResolveContext,
  buckets: AccountBuckets,
  signal: AbortSignal,
): Promise<{ region: string; pools: ListedPool[] }> {
  const region = access.region ?? (await configuredRegion());
  if (region === null) {
    throw new ActionRequiredError([
      {
        subject: 'AWS_REGION',
        problem: 'no Region is set, and the service lists the pools of one Region.',
        remedy:
          'Set it, or a region in the profile of the shared configuration file, or name the pools in COGNITO_POOLS.',
      },
    ]);
  }
  const cognito = openCognito({
    region,
    access: { ...access, role: null },
    buckets: buckets.ofRegion(region),
    meter: new CallMeter(),
    log,
  });
  const pools: ListedPool[] = [];
  try {
    for await (const pool of cognito.listPools(signal)) pools.push(pool);
  } finally {
    cognito.close();
  }
  return { region, pools };
}
