import { computeTotalSeconds, type PlanOutcome, planPools } from '../estimate/plan-pools.ts';
import { allOrProblems } from './open-archives.ts';
import type { MirrorDatabase } from './open-database.ts';
import type { Quota } from './open-quota.ts';
import { resolvePools } from './resolve-pools.ts';
import type { Resources } from './resources.ts';

/** What snapshots of several pools will take. */
export interface Plans {
  readonly outcomes: readonly PlanOutcome[];
  /** How long the pools take together: those of one account and Region share a quota. */
  readonly seconds: number;
}

/** Plans snapshots. It reads no user, and creates nothing; archives are only read. */
export async function makePlans(
  resources: Resources,
  pools: readonly string[] | 'all',
  signal: AbortSignal,
): Promise<Plans> {
  const { config, log, poolDeps } = resources;
  const [{ buckets }, found] = await allOrProblems<[Quota, MirrorDatabase | null]>(
    resources.quota(signal),
    resources.findDatabase(signal),
  );
  const db = found?.db ?? null;
  const { poolIds } = await resolvePools(resources, pools, { db, buckets }, signal);
  const deps = { db, poolDeps, formats: config.archiveFormats, buckets, log };
  const outcomes = await planPools(deps, poolIds, signal);
  signal.throwIfAborted();
  return { outcomes, seconds: computeTotalSeconds(outcomes.flatMap(({ plan }) => plan ?? [])) };
}
