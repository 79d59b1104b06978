import type { NotificationData, NotificationType } from '../../model/notification.ts';
import type { SnapshotKey } from '../../model/snapshot.ts';
import type { Queryable } from '../connection.ts';
import { selectHead } from './archive-head.ts';

/** Those that no process tried to deliver are dropped after this time: no webhook is configured. */
export const UNWANTED_AFTER_DAYS = 3;
/** How long delivered ones, and those that were given up, are kept. */
const KEPT_DAYS = 30;

/** SQL that builds `NotificationData` of `n (pool_id, snapshot_at, reason, findings)`. */
const DATA = `json_build_object(
    'poolId', n.pool_id,
    'snapshot', s.snapshot,
    'state', s.state,
    'reason', coalesce(n.reason, s.reason),
    'counts', CASE WHEN s.users IS NOT NULL THEN json_build_object(
      'users', s.users, 'groups', s.groups, 'memberships', s.memberships) END,
    'changes', CASE WHEN s.added IS NOT NULL THEN json_build_object(
      'added', s.added, 'modified', s.modified, 'removed', s.removed) END,
    'findings', n.findings,
    'head', h.head
  )`;

function joinState(source: string): string {
  return `(${source}) AS n
    LEFT JOIN directory.snapshots AS s USING (pool_id, snapshot_at)
    LEFT JOIN LATERAL (${selectHead('n.pool_id')}) AS h ON true`;
}

/**
 * The statement that writes notifications into the outbox. It sees rows as they were before the statement
 * that it is a part of.
 *
 * @param source SQL that gives type, pool_id, snapshot_at, reason and findings.
 */
export function recordNotifications(source: string): string {
  return `INSERT INTO mirror.notifications (type, pool_id, data)
    SELECT n.type, n.pool_id, ${DATA} FROM ${joinState(source)}`;
}

const GIVEN = `SELECT $1::text AS type, $2::text COLLATE "C" AS pool_id, $3::timestamptz AS snapshot_at,
  $4::text AS reason, $5::json AS findings`;

/** What a notification is about. */
export interface Occurrence extends Omit<SnapshotKey, 'snapshotAt'> {
  readonly type: NotificationType;
  /** Its snapshot, if it has one. */
  readonly snapshotAt?: Date;
  /** By default that of the snapshot. */
  readonly reason?: string;
  readonly findings?: Readonly<Record<string, number>>;
}

/** Writes a notification into the outbox: in the transaction of what happened, after it. */
export async function recordNotification(db: Queryable, occurrence: Occurrence): Promise<void> {
  const { type, poolId, snapshotAt = null, reason = null, findings = null } = occurrence;
  await db.query(recordNotifications(GIVEN), [
    type,
    poolId,
    snapshotAt,
    reason,
    findings && JSON.stringify(findings),
  ]);
  await db.query(
    `DELETE FROM mirror.notifications WHERE id IN (
       SELECT id FROM mirror.notifications
       WHERE coalesce(delivered_at, given_up_at) < clock_timestamp() - make_interval(days => $1)
         OR attempts = 0 AND occurred_at < clock_timestamp() - make_interval(days => $2)
       FOR UPDATE SKIP LOCKED
     )`,
    [KEPT_DAYS, UNWANTED_AFTER_DAYS],
  );
}

/** The state of a pool now, in the form of a notification. */
export async function readNotificationData(
  db: Queryable,
  poolId: string,
  snapshotAt: Date | null,
  reason: string | null,
): Promise<NotificationData> {
  const found = await db.query<{ data: NotificationData }>(
    `SELECT ${DATA} AS data FROM ${joinState(GIVEN)}`,
    [null, poolId, snapshotAt, reason, null],
  );
  return (found.rows[0] as { data: NotificationData }).data;
}
