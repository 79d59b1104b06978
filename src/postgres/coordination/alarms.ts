import { type Queryable, rowCount } from '../connection.ts';
import { recordNotifications } from '../store/notifications.ts';
import { UNLISTED_POOLS } from '../store/pools.ts';
import { PUBLISHED_STATES } from '../store/states.ts';
import type { PoolSchedule } from './due-times.ts';

/** The schedules, and since when each pool has one. */
export async function listSchedulesSince(
  db: Queryable,
): Promise<(PoolSchedule & { readonly since: Date })[]> {
  const found = await db.query<PoolSchedule & { readonly since: Date }>(
    'SELECT pool_id AS "poolId", pattern, timezone, since FROM mirror.schedules',
  );
  return found.rows;
}

/** A pool whose mirror is older than its schedule allows. */
export interface LatePool {
  readonly poolId: string;
  readonly reason: string;
  /** The newest published snapshot that this was judged by; null without one. */
  readonly newestAt: Date | null;
}

/**
 * Records which pools are late: these, and no others. Each that was not late before gets a notification.
 * A pool of which a newer snapshot was published meanwhile is not late.
 *
 * @returns those that became late.
 */
export async function recordLate(
  db: Queryable,
  late: readonly LatePool[],
): Promise<Pick<LatePool, 'poolId' | 'reason'>[]> {
  const poolIds = late.map(({ poolId }) => poolId);
  await db.query(
    'UPDATE mirror.schedules SET late_at = NULL WHERE late_at IS NOT NULL AND NOT pool_id = ANY ($1)',
    [poolIds],
  );
  const found = await db.query<Pick<LatePool, 'poolId' | 'reason'>>(
    `WITH late AS (
       UPDATE mirror.schedules AS s SET late_at = clock_timestamp()
       FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS given (pool_id, reason, newest_at)
       WHERE s.pool_id = given.pool_id AND late_at IS NULL AND NOT EXISTS (
         SELECT FROM directory.snapshots AS newer
         WHERE newer.pool_id = given.pool_id AND newer.state IN ${PUBLISHED_STATES}
           AND newer.snapshot_at > coalesce(given.newest_at, '-infinity')
       )
       RETURNING s.pool_id, given.reason
     ),
     notified AS (
       ${recordNotifications(`SELECT 'pool.late' AS type, pool_id, NULL::timestamptz AS snapshot_at,
         reason, NULL::json AS findings FROM late`)}
     )
     SELECT pool_id AS "poolId", reason FROM late`,
    [poolIds, late.map(({ reason }) => reason), late.map(({ newestAt }) => newestAt)],
  );
  return found.rows;
}

/**
 * Records that pools vanished, and notifies once of each: those that COGNITO_POOLS=all no longer lists, or
 * the given one, which it listed and the service does not know any more.
 *
 * @returns those that vanished now.
 */
export async function recordVanished(
  db: Queryable,
  reason: string,
  poolId: string | null = null,
): Promise<string[]> {
  const found = await db.query<{ poolId: string }>(
    `WITH vanished AS (
       UPDATE mirror.pools AS p SET vanished_at = clock_timestamp()
       WHERE vanished_at IS NULL AND listed_at IS NOT NULL
         AND (pool_id = $2 OR $2::text IS NULL AND p.pool_id IN (${UNLISTED_POOLS}))
       RETURNING pool_id
     ),
     notified AS (
       ${recordNotifications(`SELECT 'pool.vanished' AS type, pool_id,
         NULL::timestamptz AS snapshot_at, $1::text AS reason, NULL::json AS findings FROM vanished`)}
     )
     SELECT pool_id AS "poolId" FROM vanished`,
    [reason, poolId],
  );
  return found.rows.map((row) => row.poolId);
}

/** Whether a pool may be retired, or why it may not. */
export type Retirement = 'retired' | 'unknown' | 'listed' | 'scheduled';

/**
 * Records that a pool needs no recent mirror any more. What was mirrored stays. Mirroring it
 * again, or listing it, takes this back. Call it in a transaction.
 */
export async function retirePool(db: Queryable, poolId: string): Promise<Retirement> {
  const found = await db.query<{ vanished: boolean; listed: boolean; scheduled: boolean }>(
    `SELECT coalesce(p.vanished_at IS NOT NULL, false) OR k.pool_id IN (${UNLISTED_POOLS}) AS vanished,
       coalesce(p.listed_at IS NOT NULL, false) AS listed,
       EXISTS (SELECT FROM mirror.schedules AS s WHERE s.pool_id = k.pool_id) AS scheduled
     FROM (
       SELECT pool_id FROM directory.pools UNION SELECT pool_id FROM directory.snapshots
       UNION SELECT pool_id FROM mirror.pools WHERE listed_at IS NOT NULL
     ) AS k LEFT JOIN mirror.pools AS p USING (pool_id)
     WHERE k.pool_id = $1`,
    [poolId],
  );
  if (rowCount(found) === 0) return 'unknown';
  const { vanished = false, listed = false, scheduled = false } = found.rows[0] ?? {};
  if (!vanished && scheduled) return 'scheduled';
  if (!vanished && listed) return 'listed';
  await db.query('DELETE FROM mirror.schedules WHERE pool_id = $1', [poolId]);
  await db.query(
    `UPDATE mirror.requests SET ended_at = clock_timestamp(), outcome = 'skipped',
       waiting_reason = NULL, reason = 'The pool was retired.'
     WHERE pool_id = $1 AND ended_at IS NULL`,
    [poolId],
  );
  await db.query(
    `INSERT INTO mirror.pools (pool_id, retired_at) VALUES ($1, clock_timestamp())
     ON CONFLICT (pool_id) DO UPDATE SET listed_at = NULL, vanished_at = NULL,
       retired_at = excluded.retired_at`,
    [poolId],
  );
  return 'retired';
}
