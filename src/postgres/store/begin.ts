import type pg from 'pg';
import { snapshotId } from '../../model/snapshot.ts';
import { transaction } from '../connection.ts';
import { detectDrift, forgetPublished, markDrift } from './drift.ts';
import { LEASE_COLUMNS, type SnapshotLease, takeLease } from './leases.ts';

/** A snapshot, as `s`, that the next run ends. */
const STALE = `(s.state = 'held'
  OR (s.state = 'walking' AND s.snapshot_at < clock_timestamp() - interval '24 hours'))`;

/** A snapshot that was begun, or taken up again. */
export interface BegunSnapshot {
  readonly lease: SnapshotLease;
  readonly resumed: boolean;
  /** Rows of `directory.users` that something other than a publication changed; 0 of a resumed one. */
  readonly drifted: number;
  /** By how many seconds its time is ahead of Postgres's clock, as after one that had been ahead. */
  readonly secondsAhead: number;
}

/**
 * Takes up the pool's unfinished snapshot, or begins a new one. A walking one is resumed, unless it
 * began over 24 hours ago: that one is failed. A held one is discarded: a newer reading tells more.
 *
 * @param createStage makes the tables of a new snapshot's stage, in the same transaction.
 */
export async function beginSnapshot(
  pool: pg.Pool,
  poolId: string,
  createStage: (client: pg.PoolClient, stage: number) => Promise<void>,
): Promise<BegunSnapshot> {
  return transaction(pool, async (client) => {
    await endStaleSnapshots(client, poolId);
    const unfinished = await takeLease(client, poolId, 'walking');
    if (unfinished) return { lease: unfinished, resumed: true, drifted: 0, secondsAhead: 0 };
    const { lease, secondsAhead } = await insertSnapshot(client, poolId);
    await createStage(client, lease.stage);
    return { lease, resumed: false, drifted: await findDrift(client, lease), secondsAhead };
  });
}

/** Sees to it that the hashes which the snapshot is read with stand for the rows that are there. */
async function findDrift(
  client: pg.PoolClient,
  { poolId, comparedWith }: SnapshotLease,
): Promise<number> {
  if (comparedWith === null) {
    await forgetPublished(client, poolId);
    return 0;
  }
  const { intact } = await detectDrift(client, poolId, comparedWith);
  return intact ? 0 : markDrift(client, poolId);
}

async function endStaleSnapshots(client: pg.PoolClient, poolId: string): Promise<void> {
  // Their runners are fenced first, and waited for: one may be publishing just now.
  await client.query(
    `UPDATE mirror.snapshot_leases AS r SET lease_number = r.lease_number + 1
     FROM directory.snapshots AS s
     WHERE s.pool_id = r.pool_id AND s.snapshot_at = r.snapshot_at AND s.pool_id = $1 AND ${STALE}`,
    [poolId],
  );
  await client.query(
    `UPDATE directory.snapshots AS s SET
       state = CASE s.state WHEN 'held' THEN 'discarded' ELSE 'failed' END,
       reason = CASE s.state
         WHEN 'held' THEN 'Discarded for a newer snapshot; it was held: ' || s.reason
         ELSE 'It was not finished within 24 hours.' END
     WHERE s.pool_id = $1 AND ${STALE}`,
    [poolId],
  );
}

async function insertSnapshot(
  client: pg.PoolClient,
  poolId: string,
): Promise<Pick<BegunSnapshot, 'lease' | 'secondsAhead'>> {
  const moment = await client.query<{
    snapshotAt: Date;
    comparedWith: Date | null;
    secondsAhead: number;
  }>(
    `SELECT "snapshotAt", "comparedWith",
       extract(epoch FROM "snapshotAt" - clock_timestamp())::double precision AS "secondsAhead"
     FROM (
       SELECT
         greatest(date_trunc('second', clock_timestamp()), max(snapshot_at) + interval '1 second')
           AS "snapshotAt",
         max(snapshot_at) FILTER (WHERE state IN ('published', 'archived')) AS "comparedWith"
       FROM directory.snapshots WHERE pool_id = $1
     ) AS next`,
    [poolId],
  );
  const [next] = moment.rows;
  if (next === undefined) throw new Error('Postgres gave no time for a snapshot.');
  const { snapshotAt, comparedWith, secondsAhead } = next;
  await client.query(
    `INSERT INTO directory.snapshots (pool_id, snapshot, snapshot_at, state)
     VALUES ($1, $2, $3, 'walking')`,
    [poolId, snapshotId(snapshotAt), snapshotAt],
  );
  return { lease: await insertRun(client, poolId, snapshotAt, comparedWith), secondsAhead };
}

/**
 * Logical replication copies no sequences, so on a promoted replica the stages' numbers begin anew:
 * those that are taken are passed over.
 */
async function insertRun(
  client: pg.PoolClient,
  poolId: string,
  snapshotAt: Date,
  comparedWith: Date | null,
): Promise<SnapshotLease> {
  for (;;) {
    const inserted = await client.query<SnapshotLease>(
      `INSERT INTO mirror.snapshot_leases AS r (pool_id, snapshot_at, compared_with) VALUES ($1, $2, $3)
       ON CONFLICT (stage) DO NOTHING RETURNING ${LEASE_COLUMNS}`,
      [poolId, snapshotAt, comparedWith],
    );
    const lease = inserted.rows[0];
    if (lease !== undefined) return lease;
  }
}
