import type pg from 'pg';
import { withLease } from '../postgres/store/leases.ts';
import { findReadingRecord, readUserCounts, recordReading } from '../postgres/store/readings.ts';
import { assertStageExists } from '../postgres/store/stage.ts';
import type { Walk } from '../postgres/store/walks.ts';
import type { SnapshotContext } from './context.ts';
import { fallBackToSingleChain } from './walk-users.ts';

/** A pool is read again where it falls short by this many times what one chain could not explain. */
const REPEATED = 2;

/**
 * Compares the users that were read with the service's estimate. Shards hold users whose `sub` is a
 * UUID: others are lost without a sign. Where the shards brought fewer than expected, all users are
 * read once more, in one chain. What one chain does not explain is an estimate that is not current,
 * and is remembered: the pool is not read twice for the same difference every night.
 *
 * @param missing users of the last snapshot that no walk saw: an estimate may still count those that
 *   are gone, and the others were kept.
 * @returns the walk that must be made first; none where there is nothing to read again.
 */
export async function compareEstimate(
  context: SnapshotContext,
  missing: number,
  signal: AbortSignal,
): Promise<Walk[]> {
  const { db, lease, pool, cognito, log } = context;
  // What was asked of the service took its time: the stage may have been emptied meanwhile.
  const read = async (client: pg.PoolClient) => {
    await assertStageExists(client, lease);
    return readUserCounts(client, lease);
  };
  const reading = await withLease(db, lease, ['walking'], read, signal);
  const note = (short: number) =>
    reading.singleChain
      ? withLease(db, lease, ['walking'], (client) =>
          recordReading(client, lease.poolId, { singleChain: reading.odd, shortfall: short }),
        )
      : Promise.resolve();
  const shortOf = (estimate: number) => Math.max(0, estimate - reading.users - missing);
  if (shortOf(pool.estimatedUsers) === 0) {
    await note(0);
    return [];
  }
  // The pool may have shrunk while it was read: the smaller of two estimates counts.
  const { estimatedUsers } = await cognito.describePool(lease.poolId, signal);
  const short = shortOf(Math.min(estimatedUsers, pool.estimatedUsers));
  await note(short);
  if (short === 0) return [];
  log.warn(
    { poolId: lease.poolId, users: reading.users, estimatedUsers, missing },
    'fewer users were read than the service estimates',
  );
  if (!reading.cut || short <= REPEATED * (await findReadingRecord(db, lease.poolId)).shortfall)
    return [];
  log.warn({ poolId: lease.poolId }, 'reading all users again, in one chain');
  return fallBackToSingleChain(context);
}
