import type pg from 'pg';
import { dropEndedStages } from '../store/stage.ts';
import { endComparison, listComparisons } from '../store/transitions.ts';
import { listPoolsLockedInline } from './locks.ts';

/**
 * Removes what killed processes left: readings for `diff … now`, and stages of snapshots that have ended. A
 * process has the pool's lock as long as it reads for a comparison.
 *
 * @param ownPoolId the pool that the caller has locked or takes a snapshot of: no other process reads it.
 */
export async function removeLeftovers(db: pg.Pool, ownPoolId?: string): Promise<void> {
  const comparisons = await listComparisons(db);
  const read = await listPoolsLockedInline(
    db,
    comparisons.map(({ poolId }) => poolId).filter((poolId) => poolId !== ownPoolId),
  );
  for (const key of comparisons) {
    if (!read.has(key.poolId)) await endComparison(db, key);
  }
  await dropEndedStages(db);
}
