import type { Moment } from '../../model/history.ts';
import type { SnapshotState } from '../../model/snapshot.ts';
import { LEASE_COLUMNS, type SnapshotLease } from '../store/leases.ts';
import { PUBLISHED_STATES } from '../store/states.ts';
import type { Asking } from './ask.ts';

const MOMENT = 'snapshot, snapshot_at AS "snapshotAt"';

/** The newest published snapshots of the pool, at most `limit`, the newest first. */
export async function listNewest({ db, poolId }: Asking, limit: number): Promise<Moment[]> {
  const newest = await db.query<Moment>(
    `SELECT ${MOMENT} FROM directory.snapshots
     WHERE pool_id = $1 AND state IN ${PUBLISHED_STATES} ORDER BY snapshot_at DESC LIMIT $2`,
    [poolId, limit],
  );
  return newest.rows;
}

/** The snapshot with this time, in any state. */
export async function findMoment(
  { db, poolId }: Asking,
  snapshotAt: Date,
): Promise<(Moment & { readonly state: SnapshotState }) | null> {
  const found = await db.query<Moment & { state: SnapshotState }>(
    `SELECT ${MOMENT}, state FROM directory.snapshots WHERE pool_id = $1 AND snapshot_at = $2`,
    [poolId, snapshotAt],
  );
  return found.rows[0] ?? null;
}

/**
 * The published snapshot whose state was current at a time.
 *
 * @throws the error of `directory.history_reaches` if that state is unknown
 */
export async function findCurrentAt({ db, poolId }: Asking, at: Date): Promise<Moment> {
  const found = await db.query<Moment>(
    `SELECT ${MOMENT} FROM directory.snapshots
     WHERE pool_id = $1 AND state IN ${PUBLISHED_STATES} AND snapshot_at <= $2
       AND directory.history_reaches($1, $2)
     ORDER BY snapshot_at DESC LIMIT 1`,
    [poolId, at],
  );
  const [moment] = found.rows;
  if (moment !== undefined) return moment;
  // Raises the error, which a query without rows does not.
  await db.query('SELECT directory.history_reaches($1, $2)', [poolId, at]);
  throw new Error('history_reaches accepts a time without a snapshot.');
}

/** The held snapshot of the pool, and why it is held. It has at most one. */
export async function findHeld({
  db,
  poolId,
}: Asking): Promise<(Moment & SnapshotLease & { readonly reason: string | null }) | null> {
  const found = await db.query<Moment & SnapshotLease & { reason: string | null }>(
    `SELECT s.snapshot, s.reason, ${LEASE_COLUMNS} FROM mirror.runs AS r
     JOIN directory.snapshots AS s USING (pool_id, snapshot_at)
     WHERE r.pool_id = $1 AND s.state = 'held'`,
    [poolId],
  );
  return found.rows[0] ?? null;
}

/** The pools that have a published snapshot. */
export async function listPublishedPools({ db }: Asking): Promise<string[]> {
  const pools = await db.query<{ poolId: string }>(
    `SELECT DISTINCT pool_id AS "poolId" FROM directory.snapshots
     WHERE state IN ${PUBLISHED_STATES} ORDER BY pool_id`,
  );
  return pools.rows.map(({ poolId }) => poolId);
}
