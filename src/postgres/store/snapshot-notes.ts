import type { Counts } from '../../model/snapshot.ts';
import type { CallCounts } from '../../telemetry/calls.ts';
import type { Queryable } from '../connection.ts';
import type { SnapshotLease } from './leases.ts';
import { UNFINISHED_STATES } from './states.ts';

/** Records when the last walk ended. A repeated reading of the users clears it first. */
export async function markWalked(db: Queryable, lease: SnapshotLease): Promise<void> {
  await db.query(
    `UPDATE directory.snapshots SET walked_at = clock_timestamp()
     WHERE pool_id = $1 AND snapshot_at = $2 AND walked_at IS NULL`,
    [lease.poolId, lease.snapshotAt],
  );
}

/** Adds attempts against the service to those of the snapshot, if the lease is still valid. */
export async function addCallCounts(
  db: Queryable,
  lease: SnapshotLease,
  counts: CallCounts,
): Promise<void> {
  await db.query(
    `UPDATE directory.snapshots AS s SET api_calls = api_calls + $4, throttled = throttled + $5,
       retries = retries + $6
     FROM mirror.runs AS r
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

/** Records why a snapshot stopped that can be resumed, or null once it continues. */
export async function recordReason(
  db: Queryable,
  lease: SnapshotLease,
  reason: string | null,
): Promise<void> {
  await db.query(
    `UPDATE directory.snapshots AS s SET reason = $4
     FROM mirror.runs AS r
     WHERE r.pool_id = s.pool_id AND r.snapshot_at = s.snapshot_at AND r.lease_number = $3
       AND s.pool_id = $1 AND s.snapshot_at = $2 AND s.state IN ${UNFINISHED_STATES}`,
    [lease.poolId, lease.snapshotAt, lease.number, reason],
  );
}

/** Records the sizes that publishing will give, as the check counted them. */
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
