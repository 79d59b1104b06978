import type pg from 'pg';
import { lastSealed } from '../archive/last-sealed.ts';
import { openCognito } from '../cognito/client.ts';
import type { ArchiveFormat } from '../config/config.ts';
import { MirrorError } from '../model/errors.ts';
import { withoutRows } from '../postgres/database-error.ts';
import { lastSnapshot } from '../postgres/directory/last-snapshot.ts';
import type { AccountBuckets } from '../quota/account-buckets.ts';
import { type Estimate, estimate } from '../snapshot/estimate.ts';
import { CallMeter, type CallObserver } from '../telemetry/call-meter.ts';
import type { Logger } from '../telemetry/logger.ts';
import { describePool } from './describe-pool.ts';
import type { PoolPartsOf } from './pool-parts.ts';

/** What planning works with. */
export interface PlanParts {
  readonly db: pg.Pool;
  readonly poolParts: PoolPartsOf;
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

/** What became of one pool: its plan, or the error that there is none for. */
export interface PlanOutcome {
  readonly poolId: string;
  readonly plan: PoolPlan | null;
  readonly error: Error | null;
}

/**
 * Plans the snapshots of pools: describes each, lists its groups, and looks at its last snapshot
 * and archive. It reads no user, and writes nothing. A pool that fails leaves the others alone.
 *
 * @returns the outcomes, in the order of `poolIds`.
 */
export function planPools(
  parts: PlanParts,
  poolIds: readonly string[],
  signal: AbortSignal,
): Promise<PlanOutcome[]> {
  return Promise.all(
    poolIds.map(async (poolId) => {
      try {
        return { poolId, plan: await planPool(parts, poolId, signal), error: null };
      } catch (error) {
        return { poolId, plan: null, error: withoutRows(error as Error) };
      }
    }),
  );
}

/**
 * How long the pools take together, in seconds: those of one account and Region share a quota and
 * go one after the other, others side by side.
 */
export function secondsTogether(plans: readonly PoolPlan[]): number {
  const byQuota = new Map<string, number>();
  for (const { accountId, region, seconds } of plans) {
    const scope = `${accountId}/${region}`;
    byQuota.set(scope, (byQuota.get(scope) ?? 0) + seconds.total);
  }
  return Math.max(0, ...byQuota.values());
}

async function planPool(parts: PlanParts, poolId: string, signal: AbortSignal): Promise<PoolPlan> {
  const own = await parts.poolParts(poolId);
  const answers = new Answers();
  const calling = { ...parts, role: own.role, observer: answers };
  const meter = new CallMeter();
  const { accountId, region, estimatedUsers } = await describePool(calling, poolId, meter, signal);
  const buckets = parts.buckets.ofGroups(accountId, region);
  const cognito = openCognito({ ...calling, region, buckets, meter });
  const names: string[] = [];
  let calls = 0;
  const begun = performance.now();
  try {
    for await (const page of cognito.groupPages(poolId, { token: null }, signal)) {
      names.push(...page.items.map(({ groupName }) => groupName));
      calls += 1;
    }
  } finally {
    cognito.close();
  }
  const seconds = (performance.now() - begun) / 1000;
  const estimated = estimate({
    estimatedUsers,
    groups: { names, calls, seconds },
    last: await lastSnapshot(parts.db, poolId, signal),
    archive: await lastArchive(parts, poolId, signal),
    formats: parts.formats,
    callsASecond: parts.buckets.allowed(accountId, region).UserList,
    answerSeconds: answers.median,
  });
  return { poolId, accountId, region, ...estimated };
}

/** An archive that cannot be looked at is no reason not to plan: sizes are then those of others. */
async function lastArchive({ poolParts, log }: PlanParts, poolId: string, signal: AbortSignal) {
  const { destination } = await poolParts(poolId);
  try {
    return await lastSealed(destination, poolId, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof MirrorError)) throw error;
    log.warn({ poolId, problem: error.message }, 'the archive could not be looked at');
    return null;
  }
}

/** How long the service took for its answers. */
class Answers implements CallObserver {
  readonly #seconds: number[] = [];

  attempt({ outcome, seconds }: Parameters<CallObserver['attempt']>[0]): void {
    if (outcome === 'ok') this.#seconds.push(seconds);
  }

  page(): void {}

  /** The lower of two: a first answer waits for its connection besides. */
  get median(): number {
    const sorted = this.#seconds.toSorted((a, b) => a - b);
    return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
  }
}
