import type pg from 'pg';
import type { Counts, SnapshotState } from '../../model/snapshot.ts';
import type { CallCounts } from '../../telemetry/calls.ts';
import type { Queryable } from '../connection.ts';
import { type SnapshotLease, withLease } from './leases.ts';

/** Notes that every walk has ended: once, unless the users are walked again. */
export async function markWalked(db: Queryable, lease: SnapshotLease): Promise<void> {
  await db.query(
    `UPDATE directory.snapshots SET walked_at = clock_timestamp()
     WHERE pool_id = $1 AND snapshot_at = $2 AND walked_at IS NULL`,
    [lease.poolId, lease.snapshotAt],
  );
}

/** Adds a run's attempts against the service to those of its snapshot, while it has the snapshot. */
export async function addCallCounts(
  db: Queryable,
  lease: SnapshotLease,
  counts: CallCounts,
): Promise<void> {
  await db.query(
    `UPDATE directory.snapshots AS s SET api_calls = api_calls + $4, throttled = throttled + $5,
       retries = retries + $6
     FROM mirror.snapshot_leases AS r
     WHERE r.pool_id = s.pool_id AND r.snapshot_at = s.snapshot_at AND r.lease_number = $3
       AND s.pool_id = $1 AND s.snapshot_at = $2`,
    [
      lease.poolId,
      lease.snapshotAt,
      lease.number,
      counts.apiCalls,
      counts.throttled,
      counts.retries,
    ],
  );
}

/** Notes what stopped a run that can be resumed, or null once it goes on. */
export async function recordReason(
  db: Queryable,
  lease: SnapshotLease,
  reason: string | null,
): Promise<void> {
  await db.query(
    `UPDATE directory.snapshots AS s SET reason = $4
     FROM mirror.snapshot_leases AS r
     WHERE r.pool_id = s.pool_id AND r.snapshot_at = s.snapshot_at AND r.lease_number = $3
       AND s.pool_id = $1 AND s.snapshot_at = $2 AND s.state IN ('walking', 'published')`,
    [lease.poolId, lease.snapshotAt, lease.number, reason],
  );
}

/** Keeps what the check found: the sizes that publishing will give. */
export async function saveCounts(
  db: Queryable,
  lease: SnapshotLease,
  counts: Counts,
): Promise<void> {
  await db.query(
    `UPDATE directory.snapshots SET users = $3, groups = $4, memberships = $5
     WHERE pool_id = $1 AND snapshot_at = $2`,
    [lease.poolId, lease.snapshotAt, counts.users, counts.groups, counts.memberships],
  );
}

/**
 * Ends a snapshot without publishing it, or holds it for a person.
 *
 * @throws FencedError where another runner has it, or it is in none of the states `from`.
 */
export async function endSnapshot(
  pool: pg.Pool,
  lease: SnapshotLease,
  from: readonly SnapshotState[],
  to: 'held' | 'failed' | 'discarded',
  reason: string,
): Promise<void> {
  await withLease(pool, lease, from, async (client) => {
    await client.query(
      `UPDATE directory.snapshots SET state = $3, reason = $4
       WHERE pool_id = $1 AND snapshot_at = $2`,
      [lease.poolId, lease.snapshotAt, to, reason],
    );
  });
}
