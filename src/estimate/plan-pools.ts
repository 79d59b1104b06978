import type pg from 'pg';
import { findLastSealed } from '../archive/chain.ts';
import { type Cognito, openCognito } from '../cognito/client.ts';
import type { ArchiveFormat } from '../config/config.ts';
import { MirrorError } from '../model/errors.ts';
import { withoutRows } from '../postgres/database-error.ts';
import { lastSnapshot } from '../postgres/store/last-snapshot.ts';
import type { AccountBuckets } from '../quota/account-buckets.ts';
import { describePool, type PoolDepsLookup } from '../runner/describe-pool.ts';
import { CallMeter, ResponseTimes } from '../telemetry/calls.ts';
import type { Logger } from '../telemetry/logger.ts';
import { type Estimate, estimate, type KnownOfPool } from './estimate.ts';

/** What planning needs. */
interface PlanDeps {
  /** Null before anything is mirrored. */
  readonly db: pg.Pool | null;
  readonly poolDeps: PoolDepsLookup;
  readonly formats: readonly ArchiveFormat[];
  readonly buckets: AccountBuckets;
  readonly log: Logger;
}

/** What a snapshot of one pool will take. */
export interface PoolPlan extends Estimate {
  readonly poolId: string;
  readonly accountId: string;
  readonly region: string;
}

/** The plan of one pool, or the error that prevented it. */
export interface PlanOutcome {
  readonly poolId: string;
  readonly plan: PoolPlan | null;
  readonly error: Error | null;
}

/**
 * Plans the snapshots of pools: describes each, lists its groups, and reads its last snapshot and
 * archive from the mirror. It reads no users and writes nothing. A failure of one pool does not affect
 * the others.
 *
 * @returns the outcomes, in the order of `poolIds`.
 */
export function planPools(
  deps: PlanDeps,
  poolIds: readonly string[],
  signal: AbortSignal,
): Promise<PlanOutcome[]> {
  return Promise.all(
    poolIds.map(async (poolId) => {
      try {
        return { poolId, plan: await planPool(deps, poolId, signal), error: null };
      } catch (error) {
        return { poolId, plan: null, error: withoutRows(error as Error) };
      }
    }),
  );
}

/**
 * How long the pools take together, in seconds. Pools of one account and Region share a quota and run
 * one after the other; others run side by side.
 */
export function computeTotalSeconds(plans: readonly PoolPlan[]): number {
  const byQuota = new Map<string, number>();
  for (const { accountId, region, seconds } of plans) {
    const scope = `${accountId}/${region}`;
    byQuota.set(scope, (byQuota.get(scope) ?? 0) + seconds.total);
  }
  return Math.max(0, ...byQuota.values());
}

async function planPool(deps: PlanDeps, poolId: string, signal: AbortSignal): Promise<PoolPlan> {
  const { access, region, mfaBudget } = await deps.poolDeps(poolId);
  const times = new ResponseTimes();
  const calling = { ...deps, access, region, observer: times };
  const meter = new CallMeter();
  const { accountId, estimatedUsers } = await describePool(calling, poolId, meter, signal);
  const buckets = deps.buckets.ofGroups(accountId, region);
  const cognito = openCognito({ ...calling, region, buckets, meter });
  const groups = await listGroups(cognito, poolId, signal).finally(() => cognito.close());
  const allowed = deps.buckets.allowed(accountId, region);
  const estimated = estimate({
    estimatedUsers,
    groups,
    last: deps.db && (await lastSnapshot(deps.db, poolId, signal)),
    archive: await readLastArchive(deps, poolId, signal),
    formats: deps.formats,
    callsASecond: allowed.UserList,
    mfa: mfaBudget === null ? null : { budget: mfaBudget, callsASecond: allowed.UserRead },
    answerSeconds: times.median,
  });
  return { poolId, accountId, region, ...estimated };
}

/** One pass over the pool's groups. */
async function listGroups(
  cognito: Cognito,
  poolId: string,
  signal: AbortSignal,
): Promise<KnownOfPool['groups']> {
  const startedAt = performance.now();
  const names = new Set<string>();
  let calls = 0;
  for await (const page of cognito.groupPages(poolId, { token: null }, signal)) {
    for (const { groupName } of page.items) names.add(groupName);
    calls += 1;
  }
  return { names: [...names], calls, seconds: (performance.now() - startedAt) / 1000 };
}

/** If the archive cannot be read, the plan uses the sizes of simulated users. */
async function readLastArchive({ poolDeps, log }: PlanDeps, poolId: string, signal: AbortSignal) {
  const { destination } = await poolDeps(poolId);
  try {
    return await findLastSealed(destination, poolId, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof MirrorError)) throw error;
    log.warn({ poolId, problem: error.message }, 'could not read the archive');
    return null;
  }
}
