import { removeLeftovers } from '../../postgres/coordination/leftovers.ts';
import { describeSafely } from '../../postgres/database-error.ts';
import type { LiveReading } from '../../postgres/history/points.ts';
import type { SnapshotLease } from '../../postgres/store/leases.ts';
import { beginProgress } from '../../postgres/store/progress.ts';
import { findSnapshot } from '../../postgres/store/snapshots.ts';
import { dropEndedStages } from '../../postgres/store/stage.ts';
import { beginComparison, endComparison } from '../../postgres/store/transitions.ts';
import { withProgress } from '../../snapshot/context.ts';
import type { SnapshotProgress } from '../../telemetry/snapshot-progress.ts';
import { checkReads, findOpenWalks } from '../advance.ts';
import { openSession, type SnapshotSession } from '../session.ts';
import { lockPool, type PoolLock, requireNoWorkers } from './lock-pool.ts';
import { runWalks } from './run-walks.ts';
import type { SyncDeps } from './sync.ts';

/** A pool that was read only to be compared. */
export interface LivePool extends LiveReading {
  /**
   * Lets others read the pool. Nothing but the stage remains, which stays as long as a transaction keeps
   * it. It may be called several times.
   */
  end(): Promise<void>;
}

/**
 * Reads a pool as `sync` does: under the same locks, within the same quota, with the same check. Nothing
 * is published or held, no attempt is recorded, and a held or unfinished snapshot of the pool stays.
 *
 * @param beforeReading is called once the pool is described and locked
 * @throws ResumableError if another run or the workers read the pool, or use its quota.
 */
export async function readLivePool(
  deps: SyncDeps,
  poolId: string,
  progress: SnapshotProgress,
  beforeReading: () => Promise<void>,
  signal: AbortSignal,
): Promise<LivePool> {
  const { db, databaseUrl, quotaShared, log } = deps;
  const session = await openSession(deps, poolId, await deps.poolDeps(poolId), progress, signal);
  let lock: PoolLock | null = null;
  let lease: SnapshotLease | null = null;
  // What remains is removed by the next run. If Postgres is lost, the work that needs it reports that.
  const logFailure = (error: unknown) => {
    const reason = describeSafely(error);
    log.debug({ poolId, reason }, 'could not end a comparison');
  };
  const end = async () => {
    try {
      await session.close();
      if (lease !== null) await endComparison(db, lease);
    } catch (error) {
      logFailure(error);
    } finally {
      lease = null;
      await lock?.unlock();
      lock = null;
    }
  };
  try {
    lock = await lockPool(databaseUrl, session.pool, quotaShared, log);
    await requireNoWorkers(db, poolId);
    await beforeReading();
    await removeLeftovers(db, poolId);
    lease = await beginComparison(db, poolId, session.privacy);
    const read = lease;
    const reason = await readAll(session, read, AbortSignal.any([signal, lock.lost]));
    progress.phase = 'done';
    const row = await findSnapshot(db, poolId, read.snapshotAt);
    const endedAt = row?.walkedAt ?? read.snapshotAt;
    return { lease: read, beganAt: read.snapshotAt, endedAt, reason, end };
  } catch (error) {
    await end();
    await dropEndedStages(db).catch(logFailure);
    throw error;
  }
}

/** @returns why the check objects, or null. */
async function readAll(
  session: SnapshotSession,
  lease: SnapshotLease,
  signal: AbortSignal,
): Promise<string | null> {
  const { deps, pool, progress } = session;
  session.useLease(lease);
  await beginProgress(deps.db, lease);
  const context = await session.openContext(lease);
  const buckets = deps.buckets.of(pool.accountId, pool.region);
  for (;;) {
    const walks = await findOpenWalks(context);
    if (walks.length > 0) {
      progress.phase = 'walk';
      await runWalks(context, walks, buckets, signal);
      continue;
    }
    const verdict = await withProgress(context, () => checkReads(session, context, signal));
    if (verdict.kind !== 'walk') return verdict.kind === 'hold' ? verdict.reason : null;
  }
}
