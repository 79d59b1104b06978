import type pg from 'pg';
import { LeaseLostError } from '../../model/errors.ts';
import type { PrivacyRecord } from '../../model/privacy.ts';
import type { SnapshotKey, SnapshotState } from '../../model/snapshot.ts';
import { type Queryable, transaction } from '../connection.ts';

/** The right to change one snapshot. */
export interface SnapshotLease extends SnapshotKey {
  /** The number in the names of its stage's tables. */
  readonly stage: number;
  /** Every taker raises it: a holder with a lower number can write nothing. */
  readonly number: number;
  /** The published snapshot that its stage is compared with; null for a pool's first. */
  readonly comparedWith: Date | null;
  /** True if its users are read in one chain. */
  readonly singleChain: boolean;
  /** What is hidden in its stage. Null: nothing. */
  readonly privacy: PrivacyRecord | null;
}

/** The columns of `mirror.runs AS r`, named as in `SnapshotLease`. */
export const LEASE_COLUMNS = `r.pool_id AS "poolId", r.snapshot_at AS "snapshotAt", r.stage,
  r.lease_number AS number, r.compared_with AS "comparedWith", r.single_chain AS "singleChain",
  (SELECT own.privacy FROM directory.snapshots AS own
   WHERE own.pool_id = r.pool_id AND own.snapshot_at = r.snapshot_at) AS privacy`;

/** What the loser of a lease gets. */
export function createLeaseLostError(poolId: string): LeaseLostError {
  return new LeaseLostError(
    `Another runner holds the lease on the snapshot of ${poolId}, or the snapshot has ended. This run stops.`,
  );
}

/** Locks the snapshot's lease for the rest of the transaction. Throws as `withLease` does. */
async function lockLease(
  client: pg.PoolClient,
  lease: SnapshotLease,
  states: readonly SnapshotState[],
): Promise<void> {
  const held = await client.query(
    `SELECT FROM mirror.runs AS r
     JOIN directory.snapshots AS s USING (pool_id, snapshot_at)
     WHERE r.pool_id = $1 AND r.snapshot_at = $2 AND r.lease_number = $3 AND s.state = ANY ($4)
     FOR UPDATE OF r`,
    [lease.poolId, lease.snapshotAt, lease.number, states],
  );
  if (held.rowCount === 0) throw createLeaseLostError(lease.poolId);
}

/**
 * Runs `work` in one transaction that keeps the lease locked.
 *
 * @throws LeaseLostError if another runner has the lease, or the snapshot is in a state outside `states`.
 */
export async function withLease<T>(
  pool: pg.Pool,
  lease: SnapshotLease,
  states: readonly SnapshotState[],
  work: (client: pg.PoolClient) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  return transaction(
    pool,
    async (client) => {
      await lockLease(client, lease, states);
      return work(client);
    },
    signal,
  );
}

/**
 * Takes the lease of a snapshot in one of these states. The holder before can write nothing more.
 *
 * @param snapshotAt which snapshot; null: the pool's only one in such a state.
 * @returns null if no snapshot matches.
 */
export async function takeLease(
  db: Queryable,
  poolId: string,
  states: readonly SnapshotState[],
  snapshotAt: Date | null = null,
): Promise<SnapshotLease | null> {
  const taken = await db.query<SnapshotLease>(
    `UPDATE mirror.runs AS r SET lease_number = r.lease_number + 1
     FROM directory.snapshots AS s
     WHERE s.pool_id = r.pool_id AND s.snapshot_at = r.snapshot_at
       AND r.pool_id = $1 AND s.state = ANY ($2) AND r.snapshot_at = coalesce($3, r.snapshot_at)
     RETURNING ${LEASE_COLUMNS}`,
    [poolId, states, snapshotAt],
  );
  return taken.rows[0] ?? null;
}

/**
 * Raises the number of a lease that this runner holds, so that jobs of the old number end.
 *
 * @throws LeaseLostError if another runner has the lease, or the snapshot is not walking.
 */
export async function renewLease(db: Queryable, lease: SnapshotLease): Promise<SnapshotLease> {
  const renewed = await db.query<SnapshotLease>(
    `UPDATE mirror.runs AS r SET lease_number = r.lease_number + 1
     FROM directory.snapshots AS s
     WHERE s.pool_id = r.pool_id AND s.snapshot_at = r.snapshot_at AND s.state = 'walking'
       AND r.pool_id = $1 AND r.snapshot_at = $2 AND r.lease_number = $3
     RETURNING ${LEASE_COLUMNS}`,
    [lease.poolId, lease.snapshotAt, lease.number],
  );
  const [row] = renewed.rows;
  if (row === undefined) throw createLeaseLostError(lease.poolId);
  return row;
}

/**
 * Joins the holder of a walking snapshot's lease, for a part of its work.
 *
 * @param number the lease number that the part was created under.
 * @returns null if the lease was taken again since then, or the snapshot has ended.
 */
export async function joinLease(
  db: Queryable,
  poolId: string,
  snapshotAt: Date,
  number: number,
): Promise<SnapshotLease | null> {
  const joined = await db.query<SnapshotLease>(
    `SELECT ${LEASE_COLUMNS} FROM mirror.runs AS r
     JOIN directory.snapshots AS s USING (pool_id, snapshot_at)
     WHERE r.pool_id = $1 AND r.snapshot_at = $2 AND r.lease_number = $3 AND s.state = 'walking'`,
    [poolId, snapshotAt, number],
  );
  return joined.rows[0] ?? null;
}
