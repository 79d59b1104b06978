import type pg from 'pg';
import { LeaseLostError } from '../../model/errors.ts';
import type { SnapshotKey, SnapshotState } from '../../model/snapshot.ts';
import { type Queryable, transaction } from '../connection.ts';

/** A snapshot in the hands of one runner. */
export interface SnapshotLease extends SnapshotKey {
  /** The number in its stage's table names. */
  readonly stage: number;
  /** Which taking-up of the snapshot this is: a runner with a lower number may write nothing. */
  readonly number: number;
  /** The published snapshot that its stage is compared with; null for a pool's first. */
  readonly comparedWith: Date | null;
  /** Whether its users are walked in one chain. */
  readonly singleChain: boolean;
}

/** The columns of `mirror.snapshot_leases AS r`, in the form of `Run`. */
export const LEASE_COLUMNS = `r.pool_id AS "poolId", r.snapshot_at AS "snapshotAt", r.stage,
  r.lease_number AS number, r.compared_with AS "comparedWith", r.single_chain AS "singleChain"`;

/**
 * Locks the snapshot for the rest of the transaction, if this runner still has it.
 *
 * @throws FencedError where another runner took it up, or it is no longer in one of `states`.
 */
async function lockLease(
  client: pg.PoolClient,
  lease: SnapshotLease,
  states: readonly SnapshotState[],
): Promise<void> {
  const held = await client.query(
    `SELECT FROM mirror.snapshot_leases AS r
     JOIN directory.snapshots AS s USING (pool_id, snapshot_at)
     WHERE r.pool_id = $1 AND r.snapshot_at = $2 AND r.lease_number = $3 AND s.state = ANY ($4)
     FOR UPDATE OF r`,
    [lease.poolId, lease.snapshotAt, lease.number, states],
  );
  if (held.rowCount === 0) {
    throw new LeaseLostError(
      `Another runner has taken up the snapshot of ${lease.poolId}, or has ended it; this one stops.`,
    );
  }
}

/**
 * Runs `work` in one transaction, while this runner has the snapshot.
 *
 * @throws FencedError where it no longer has, or the snapshot is in none of `states`.
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
 * Takes a snapshot in hand, if it is in this state: whoever had it before can write nothing more.
 *
 * @param snapshotAt which; the pool's only one in this state where it is left out.
 * @returns the run, or null where there is no such snapshot.
 */
export async function takeLease(
  db: Queryable,
  poolId: string,
  state: SnapshotState,
  snapshotAt: Date | null = null,
): Promise<SnapshotLease | null> {
  const taken = await db.query<SnapshotLease>(
    `UPDATE mirror.snapshot_leases AS r SET lease_number = r.lease_number + 1
     FROM directory.snapshots AS s
     WHERE s.pool_id = r.pool_id AND s.snapshot_at = r.snapshot_at
       AND r.pool_id = $1 AND s.state = $2 AND r.snapshot_at = coalesce($3, r.snapshot_at)
     RETURNING ${LEASE_COLUMNS}`,
    [poolId, state, snapshotAt],
  );
  return taken.rows[0] ?? null;
}

/**
 * Joins the runner that has a walking snapshot in hand, for a part of its work.
 *
 * @param number which taking-up of the snapshot.
 * @returns the run, or null where it was taken up again since, or has ended.
 */
export async function joinLease(
  db: Queryable,
  poolId: string,
  snapshotAt: Date,
  number: number,
): Promise<SnapshotLease | null> {
  const joined = await db.query<SnapshotLease>(
    `SELECT ${LEASE_COLUMNS} FROM mirror.snapshot_leases AS r
     JOIN directory.snapshots AS s USING (pool_id, snapshot_at)
     WHERE r.pool_id = $1 AND r.snapshot_at = $2 AND r.lease_number = $3 AND s.state = 'walking'`,
    [poolId, snapshotAt, number],
  );
  return joined.rows[0] ?? null;
}
