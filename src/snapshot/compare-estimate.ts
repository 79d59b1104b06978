import type pg from 'pg';
import { withLease } from '../postgres/store/leases.ts';
import { findReadingRecord, readUserCounts, recordReading } from '../postgres/store/readings.ts';
import { assertStageExists } from '../postgres/store/stage.ts';
import { READING_STATES } from '../postgres/store/states.ts';
import type { Walk } from '../postgres/store/walks.ts';
import type { SnapshotContext } from './context.ts';
import { fallBackToSingleChain } from './walk-users.ts';

/** A pool is read again if its shortfall is over this multiple of what a single chain left open. */
const REPEATED = 2;

/**
 * Compares the users that were read with the service's estimate. A user whose `sub` is not a
 * lower-case UUID is in no shard, and no page shows it. If the shards returned fewer users than
 * estimated, all users are read again in a single chain. A shortfall that remains means that the
 * estimate is old. It is recorded, so that the pool is not read twice for it every night.
 *
 * @param missing users of the last snapshot that no walk returned. An estimate may still count those
 *   that are gone; the others keep their rows.
 * @returns the walk to read first; empty if the check can continue.
 */
export async function compareEstimate(
  context: SnapshotContext,
  missing: number,
  signal: AbortSignal,
): Promise<Walk[]> {
  const { db, lease, pool, cognito, log } = context;
  const { poolId } = lease;
  // Confirming took time, in which a crash may have emptied the stage.
  const read = async (client: pg.PoolClient) => {
    await assertStageExists(client, lease);
    return readUserCounts(client, lease);
  };
  const reading = await withLease(db, lease, READING_STATES, read, signal);
  const recordShortfall = async (shortfall: number) => {
    if (!reading.singleChain) return;
    await withLease(db, lease, READING_STATES, (client) =>
      recordReading(client, poolId, { singleChain: reading.outsideShards, shortfall }),
    );
  };
  const computeShortfall = (estimate: number) => Math.max(0, estimate - reading.users - missing);
  if (computeShortfall(pool.estimatedUsers) === 0) {
    await recordShortfall(0);
    return [];
  }
  // The pool may have become smaller while it was read: the smaller estimate counts.
  const { estimatedUsers } = await cognito.describePool(poolId, signal);
  const shortfall = computeShortfall(Math.min(estimatedUsers, pool.estimatedUsers));
  await recordShortfall(shortfall);
  if (shortfall === 0) return [];
  log.warn(
    { poolId, users: reading.users, estimatedUsers, missing },
    'fewer users were read than the service estimates',
  );
  if (!reading.inShards) return [];
  const known = await findReadingRecord(db, poolId);
  if (shortfall <= REPEATED * known.shortfall) return [];
  log.warn({ poolId }, 'reading all users again in a single chain');
  return fallBackToSingleChain(context);
}
