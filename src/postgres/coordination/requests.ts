import { type Queryable, rowCount } from '../connection.ts';
import { recordAttempts } from '../store/pool-status.ts';

/** A snapshot that the schedule or `trigger` asked for. */
export interface SnapshotRequest {
  readonly id: number;
  readonly poolId: string;
  readonly source: RequestSource;
  readonly requestedAt: Date;
  /** The snapshot that was started or resumed for it; null before. */
  readonly snapshotAt: Date | null;
  /** The id of its run in pings, whichever workers it is with. */
  readonly runId: string;
}

/** What created the request. */
export type RequestSource = 'schedule' | 'trigger';

/** How a request ended. `done` means published and archived, `held` waits for a person. */
export type RequestOutcome = 'done' | 'held' | 'skipped' | 'failed';

/** How long ended requests are kept. */
const KEPT_DAYS = 90;

const COLUMNS = `id, pool_id AS "poolId", source, requested_at AS "requestedAt",
  snapshot_at AS "snapshotAt", run_id AS "runId"`;

/**
 * Opens a request for a snapshot of a pool.
 *
 * @returns the request, or null if the pool has an open request.
 */
export async function openRequest(
  db: Queryable,
  poolId: string,
  source: RequestSource,
): Promise<SnapshotRequest | null> {
  // If the pool has no open request, the id is in use: logical replication does not copy sequences.
  for (;;) {
    const opened = await db.query<SnapshotRequest>(
      `INSERT INTO mirror.requests (pool_id, source) VALUES ($1, $2)
       ON CONFLICT DO NOTHING RETURNING ${COLUMNS}`,
      [poolId, source],
    );
    const request = opened.rows[0];
    if (request !== undefined) return request;
    if ((await findOpenRequestForPool(db, poolId)) !== null) return null;
  }
}

/**
 * Records that a scheduled run of a pool was skipped because the pool has an open request.
 *
 * @returns false if it has none, or the new id is in use: call it again.
 */
export async function skipRequest(db: Queryable, poolId: string): Promise<boolean> {
  const skipped = await db.query(
    `INSERT INTO mirror.requests (pool_id, source, ended_at, outcome, reason)
     SELECT $1, 'schedule', clock_timestamp(), 'skipped',
       'The snapshot requested at ' || to_char(requested_at AT TIME ZONE 'UTC',
         'YYYY-MM-DD HH24:MI:SS') || ' UTC was still in progress.'
     FROM mirror.requests WHERE pool_id = $1 AND ended_at IS NULL
     ON CONFLICT (id) DO NOTHING`,
    [poolId],
  );
  return rowCount(skipped) > 0;
}

/** The open requests, oldest first. */
export async function listOpenRequests(db: Queryable): Promise<SnapshotRequest[]> {
  const found = await db.query<SnapshotRequest>(
    `SELECT ${COLUMNS} FROM mirror.requests WHERE ended_at IS NULL ORDER BY id`,
  );
  return found.rows;
}

/** An open request, or null if it has ended. */
export async function findOpenRequest(db: Queryable, id: number): Promise<SnapshotRequest | null> {
  const found = await db.query<SnapshotRequest>(
    `SELECT ${COLUMNS} FROM mirror.requests WHERE id = $1 AND ended_at IS NULL`,
    [id],
  );
  return found.rows[0] ?? null;
}

/** The open request of a pool, or null. */
export async function findOpenRequestForPool(
  db: Queryable,
  poolId: string,
): Promise<SnapshotRequest | null> {
  const found = await db.query<SnapshotRequest>(
    `SELECT ${COLUMNS} FROM mirror.requests WHERE pool_id = $1 AND ended_at IS NULL`,
    [poolId],
  );
  return found.rows[0] ?? null;
}

/**
 * Records that the run of a request begins.
 *
 * @returns true for the first caller.
 */
export async function recordStarted(db: Queryable, id: number): Promise<boolean> {
  const started = await db.query(
    `UPDATE mirror.requests SET started_at = clock_timestamp()
     WHERE id = $1 AND started_at IS NULL AND ended_at IS NULL`,
    [id],
  );
  return rowCount(started) > 0;
}

/** Records the snapshot of a request. */
export async function recordSnapshot(db: Queryable, id: number, snapshotAt: Date): Promise<void> {
  await db.query('UPDATE mirror.requests SET snapshot_at = $2 WHERE id = $1', [id, snapshotAt]);
}

/** Records why an open request waits, or null once it continues. */
export async function recordWaiting(
  db: Queryable,
  id: number,
  waitingReason: string | null,
): Promise<void> {
  await db.query(
    `UPDATE mirror.requests SET waiting_reason = $2
     WHERE id = $1 AND ended_at IS NULL AND waiting_reason IS DISTINCT FROM $2`,
    [id, waitingReason],
  );
}

/** Ends the open requests of pools that are not in the configuration any more. */
export async function endRequestsForUnscheduled(
  db: Queryable,
  poolIds: readonly string[],
): Promise<void> {
  await db.query(
    `UPDATE mirror.requests
     SET ended_at = clock_timestamp(), outcome = 'skipped', waiting_reason = NULL,
       reason = 'The pool was removed from the configuration.'
     WHERE ended_at IS NULL AND NOT pool_id = ANY ($1)`,
    [poolIds],
  );
}

/**
 * Ends a request if it is still open, and deletes those that ended long ago. Unless it was skipped, it is
 * recorded as the last attempt of the pool.
 *
 * @returns how many seconds it was open; null if it had already ended.
 */
export async function endRequest(
  db: Queryable,
  id: number,
  outcome: RequestOutcome,
  reason: string | null,
): Promise<number | null> {
  const ended = await db.query<{ seconds: number }>(
    `WITH ended AS (
       UPDATE mirror.requests
       SET ended_at = clock_timestamp(), outcome = $2, reason = $3, waiting_reason = NULL
       WHERE id = $1 AND ended_at IS NULL RETURNING *
     ),
     ${recordAttempts(`
       SELECT pool_id, CASE outcome WHEN 'done' THEN 'archived' ELSE outcome END, snapshot_at, reason
       FROM ended WHERE outcome <> 'skipped'`)}
     SELECT round(extract(epoch FROM ended_at - requested_at)::numeric, 3)::double precision AS seconds
     FROM ended`,
    [id, outcome, reason],
  );
  await db.query(
    'DELETE FROM mirror.requests WHERE ended_at < clock_timestamp() - make_interval(days => $1)',
    [KEPT_DAYS],
  );
  return ended.rows[0]?.seconds ?? null;
}
