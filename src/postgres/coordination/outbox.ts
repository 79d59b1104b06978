import type { Notification } from '../../model/notification.ts';
import type { Queryable } from '../connection.ts';
import { UNWANTED_AFTER_DAYS } from '../store/notifications.ts';

/** A notification that this process delivers now. */
export interface ClaimedNotification extends Notification {
  /** Which attempt this is, from 1. */
  readonly attempt: number;
}

/** The delivery of a pool's notifications. */
export interface DeliveryRow {
  /** How many wait for another attempt. */
  readonly retrying: number;
  /** When the oldest of these happened; null without one. */
  readonly since: Date | null;
  /** Why the last attempt failed; null without one. */
  readonly problem: string | null;
  /** How many were given up in the last 30 days. */
  readonly givenUp: number;
}

const IS_OPEN = 'delivered_at IS NULL AND given_up_at IS NULL';

/** Open and recent. Old messages without an attempt were written before there was a receiver. */
const IS_WANTED = `${IS_OPEN} AND (attempts > 0
  OR occurred_at >= clock_timestamp() - make_interval(days => ${UNWANTED_AFTER_DAYS}))`;

/**
 * Takes the notification that is due for the longest time. No other process takes it for `seconds`.
 *
 * @returns null if none is due.
 */
export async function claimNotification(
  db: Queryable,
  seconds: number,
): Promise<ClaimedNotification | null> {
  const claimed = await db.query<ClaimedNotification>(
    `UPDATE mirror.notifications SET attempts = attempts + 1,
       next_attempt_at = clock_timestamp() + make_interval(secs => $1)
     WHERE id = (
       SELECT id FROM mirror.notifications
       WHERE ${IS_WANTED} AND next_attempt_at <= clock_timestamp()
       ORDER BY next_attempt_at LIMIT 1 FOR UPDATE SKIP LOCKED
     )
     RETURNING id, type, occurred_at AS "occurredAt", data, attempts AS attempt`,
    [seconds],
  );
  return claimed.rows[0] ?? null;
}

/** Records that the receiver accepted a notification. */
export async function recordDelivered(db: Queryable, id: string): Promise<void> {
  await db.query(
    `UPDATE mirror.notifications SET delivered_at = clock_timestamp(), problem = NULL
     WHERE id = $1 AND ${IS_OPEN}`,
    [id],
  );
}

/**
 * Records why an attempt failed.
 *
 * @param seconds until the next attempt; null: the notification is given up.
 */
export async function recordUndelivered(
  db: Queryable,
  id: string,
  problem: string,
  seconds: number | null,
): Promise<void> {
  await db.query(
    `UPDATE mirror.notifications SET problem = $2,
       next_attempt_at = clock_timestamp() + make_interval(secs => coalesce($3::double precision, 0)),
       given_up_at = CASE WHEN $3 IS NULL THEN clock_timestamp() END
     WHERE id = $1 AND ${IS_OPEN}`,
    [id, problem, seconds],
  );
}

/** Returns a notification whose attempt was stopped: any process may deliver it now. */
export async function returnNotification(db: Queryable, id: string): Promise<void> {
  await db.query(
    `UPDATE mirror.notifications SET next_attempt_at = clock_timestamp(), attempts = attempts - 1
     WHERE id = $1 AND ${IS_OPEN}`,
    [id],
  );
}

/** How many notifications were not delivered yet. */
export async function countUndelivered(db: Queryable): Promise<number> {
  const found = await db.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM mirror.notifications WHERE ${IS_WANTED}`,
  );
  return found.rows[0]?.count ?? 0;
}

/** The pools with notifications that could not be delivered, of these or of all if `poolIds` is null. */
export async function readDeliveryRows(
  db: Queryable,
  poolIds: readonly string[] | null,
): Promise<Map<string, DeliveryRow>> {
  const found = await db.query<DeliveryRow & { readonly poolId: string }>(
    `SELECT pool_id AS "poolId",
       count(*) FILTER (WHERE ${IS_OPEN})::int AS retrying,
       min(occurred_at) FILTER (WHERE ${IS_OPEN}) AS since,
       (array_agg(problem ORDER BY occurred_at DESC) FILTER (WHERE ${IS_OPEN}))[1] AS problem,
       count(given_up_at)::int AS "givenUp"
     FROM mirror.notifications
     WHERE ($1::text[] IS NULL OR pool_id = ANY ($1)) AND problem IS NOT NULL
     GROUP BY pool_id`,
    [poolIds],
  );
  return new Map(found.rows.map(({ poolId, ...row }) => [poolId, row]));
}
