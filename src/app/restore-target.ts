import { type Cognito, openCognito } from '../cognito/client.ts';
import { requireCognitoEndpoint } from '../cognito/sdk.ts';
import { resolvePoolSettings } from '../config/pool-settings.ts';
import type { TargetPool } from '../model/restore.ts';
import type { Database } from '../postgres/database.ts';
import type { RestoreProgress } from '../restore/progress.ts';
import { describeTarget } from '../runner/describe-pool.ts';
import { lockPool } from '../runner/inline/lock-pool.ts';
import { allOrProblems } from './open-archives.ts';
import type { Quota } from './open-quota.ts';
import type { Resources } from './resources.ts';
import type { RestoreRequest } from './restore-request.ts';
import type { SourceContext } from './restore-source.ts';

/** What a restore works with. */
export interface RestoreDeps {
  readonly resources: Resources;
  readonly withDatabase: SourceContext['withDatabase'];
}

/** The target, open for reading. */
export interface OpenTarget {
  readonly pool: TargetPool;
  readonly cognito: Cognito;
  /** Opens a client with the buckets of writes. */
  readonly openWrites: () => Cognito;
}

/** The share of the quotas of writes that a restore uses by default. */
export const SHARE = 0.5;

/** Opens the quota of a restore, and checks the endpoint of the service. */
export async function openQuota(resources: Resources, signal: AbortSignal): Promise<Quota> {
  const [quota] = await allOrProblems<[Quota, unknown]>(
    resources.quota(signal),
    requireCognitoEndpoint(resources.access),
  );
  return quota;
}

/** Reads the rules of the target, and opens clients for it. */
export async function openTarget(
  { config, access: base, log }: Resources,
  { buckets: all }: Quota,
  { to: poolId, share = SHARE }: Pick<RestoreRequest, 'to' | 'share'>,
  { meter, observer }: RestoreProgress,
  signal: AbortSignal,
): Promise<OpenTarget> {
  const { role, region } = resolvePoolSettings(config, poolId);
  const access = { ...base, role };
  const pool = await describeTarget({ buckets: all, access, region, log }, poolId, meter, signal);
  const { accountId } = pool;
  const client = { region, access, meter, log };
  return {
    pool,
    cognito: openCognito({ ...client, buckets: all.ofComparison(accountId, region) }),
    openWrites: () =>
      openCognito({ ...client, buckets: all.ofRestore(accountId, region, share), observer }),
  };
}

/** Keeps other runs with the same database from using the quota of lists at the same time. */
export async function whileLocked(
  database: Database | null,
  target: TargetPool,
  { redis }: Quota,
  log: Resources['log'],
  read: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  if (database === null) return read(signal);
  const lock = await lockPool(database.url, target, redis !== null, log);
  try {
    await read(AbortSignal.any([signal, lock.lost]));
  } finally {
    await lock.unlock();
  }
}
