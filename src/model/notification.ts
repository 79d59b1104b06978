import type { ArchiveHead, Counts, SnapshotState } from './snapshot.ts';

/** What a notification can be about. docs/NOTIFICATIONS.md explains each. */
export const NOTIFICATION_TYPES = [
  'snapshot.archived',
  'snapshot.held',
  'snapshot.failed',
  'pool.late',
  'pool.vanished',
  'archive.verification-failed',
] as const;
export type NotificationType = (typeof NOTIFICATION_TYPES)[number];

/** The state of a pool when something happened. It has ids, counts, reasons and codes: no personal data. */
export interface NotificationData {
  readonly poolId: string;
  /** The id of the snapshot that it is about; null without one. */
  readonly snapshot: string | null;
  readonly state: SnapshotState | null;
  /** Why it happened; null for a success. */
  readonly reason: string | null;
  /** The rows of the snapshot; null before they were counted. */
  readonly counts: Counts | null;
  /** How many users the snapshot changed; null if it is not published. */
  readonly changes: {
    readonly added: number;
    readonly modified: number;
    readonly removed: number;
  } | null;
  /** How many findings of each code a verification has; null for everything else. */
  readonly findings: Readonly<Record<string, number>> | null;
  /** The head of the pool's archive, so that every recipient is a witness; null before the first archive. */
  readonly head: ArchiveHead | null;
}

/** Something that happened. */
export interface Notification {
  /** The same in every attempt to deliver it. */
  readonly id: string;
  readonly type: NotificationType;
  readonly occurredAt: Date;
  readonly data: NotificationData;
}
