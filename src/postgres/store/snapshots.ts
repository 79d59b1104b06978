import type { UnreadParts } from '../../model/pool-settings.ts';
import { isSameRecord, type PrivacyRecord } from '../../model/privacy.ts';
import type { SnapshotKey, SnapshotState } from '../../model/snapshot.ts';
import type { Queryable } from '../connection.ts';
import { detectDrift } from './drift.ts';
import { selectPoolsOf } from './pools.ts';
import { stageTables } from './stage.ts';
import { ABANDONED_AFTER_HOURS, EXPIRES_AFTER_HOURS, UNFINISHED_ARCHIVE_HOURS } from './states.ts';

/** A row of `directory.snapshots`, with the program's names. */
export interface SnapshotRow {
  readonly poolId: string;
  readonly snapshot: string;
  readonly snapshotAt: Date;
  readonly walkedAt: Date | null;
  readonly state: SnapshotState;
  readonly reason: string | null;
  readonly publishedAt: Date | null;
  readonly archivedAt: Date | null;
  /** When it was recorded that retention removed the objects of its archive. */
  readonly archiveRemovedAt: Date | null;
  readonly users: number | null;
  readonly groups: number | null;
  readonly memberships: number | null;
  readonly added: number | null;
  readonly modified: number | null;
  readonly removed: number | null;
  readonly repaired: number | null;
  /** Users whose MFA state was known when it was published; null if its run did not read them. */
  readonly mfaKnown: number | null;
  readonly apiCalls: number;
  readonly throttled: number;
  readonly retries: number;
  /** The parts of the pool's settings that it keeps. Null: none. */
  readonly settings: number | null;
  /** Why it could not read parts of the settings, by part. Null: it read all. */
  readonly settingsUnread: UnreadParts | null;
  /** What is hidden in its users. Null: nothing. */
  readonly privacy: PrivacyRecord | null;
  /** Forgotten persons of the pool that it leaves out. */
  readonly suppressed: number | null;
  readonly manifest: string | null;
  readonly manifestSha256: string | null;
}

/** The columns of `directory.snapshots`, with the names of `SnapshotRow`. */
export const SNAPSHOT_COLUMNS = `pool_id AS "poolId", snapshot, snapshot_at AS "snapshotAt",
  walked_at AS "walkedAt", state, reason, published_at AS "publishedAt",
  archived_at AS "archivedAt", archive_removed_at AS "archiveRemovedAt", users, groups, memberships, added, modified, removed,
  repaired, mfa_known AS "mfaKnown", api_calls AS "apiCalls", throttled, retries, settings,
  settings_unread AS "settingsUnread", privacy, suppressed, manifest,
  manifest_sha256 AS "manifestSha256"`;

/** One snapshot, or null if it does not exist. */
export async function findSnapshot(
  db: Queryable,
  poolId: string,
  snapshotAt: Date,
): Promise<SnapshotRow | null> {
  const found = await db.query<SnapshotRow>(
    `SELECT ${SNAPSHOT_COLUMNS} FROM directory.snapshots WHERE pool_id = $1 AND snapshot_at = $2`,
    [poolId, snapshotAt],
  );
  return found.rows[0] ?? null;
}

/** The newest snapshots, `limit` of each pool, the newest first. */
export async function listRecentSnapshots(
  db: Queryable,
  limit: number,
  poolIds: readonly string[] | null,
): Promise<SnapshotRow[]> {
  const found = await db.query<SnapshotRow>(
    `SELECT ${SNAPSHOT_COLUMNS}
     FROM (SELECT pool_id AS id FROM ${selectPoolsOf('directory.snapshots')} AS found) AS p
       CROSS JOIN LATERAL (
         SELECT * FROM directory.snapshots WHERE pool_id = p.id ORDER BY snapshot_at DESC LIMIT $1
       ) AS s
     WHERE $2::text[] IS NULL OR id = ANY ($2)
     ORDER BY pool_id, snapshot_at DESC`,
    [limit, poolIds],
  );
  return found.rows;
}

/** A published snapshot, as `s`, that can still be archived. */
const ARCHIVABLE = `s.state = 'published' AND NOT EXISTS (
  SELECT FROM mirror.runs AS r
  WHERE r.pool_id = s.pool_id AND r.snapshot_at = s.snapshot_at AND r.archive_lost
)`;

/** The pool's published snapshots that lack an archive, oldest first, which is the order to seal them. */
export async function listUnarchived(db: Queryable, poolId: string): Promise<SnapshotRow[]> {
  const found = await db.query<SnapshotRow>(
    `SELECT ${SNAPSHOT_COLUMNS} FROM directory.snapshots AS s
     WHERE s.pool_id = $1 AND ${ARCHIVABLE} ORDER BY s.snapshot_at`,
    [poolId],
  );
  return found.rows;
}

/**
 * The pool's newest snapshot if it began within 12 hours and only lacks its archive. If its rows have
 * drifted, the result is null: a new snapshot repairs them, and then both are archived.
 */
export async function findUnfinishedArchive(
  db: Queryable,
  poolId: string,
): Promise<SnapshotRow | null> {
  const found = await db.query<SnapshotRow>(
    `SELECT ${SNAPSHOT_COLUMNS} FROM directory.snapshots AS s
     WHERE pool_id = $1 AND ${ARCHIVABLE}
       AND snapshot_at > clock_timestamp() - make_interval(hours => $2)
       AND NOT EXISTS (
         SELECT FROM directory.snapshots AS later
         WHERE later.pool_id = s.pool_id AND later.snapshot_at > s.snapshot_at
       )`,
    [poolId, UNFINISHED_ARCHIVE_HOURS],
  );
  const row = found.rows[0];
  if (row === undefined) return null;
  return (await detectDrift(db, poolId, row.snapshotAt)).intact ? row : null;
}

/**
 * True if a walking snapshot cannot be continued: it hides other attributes, or it began over 24 hours ago
 * and has pages to read, but no page was read for an hour, so that they would be too far apart in time.
 *
 * @param privacy what is hidden now.
 */
export async function isAbandoned(
  db: Queryable,
  poolId: string,
  snapshotAt: Date,
  privacy: PrivacyRecord | null = null,
): Promise<boolean> {
  const found = await db.query<{ stage: number; isOld: boolean; privacy: PrivacyRecord | null }>(
    `SELECT r.stage, s.privacy,
       s.snapshot_at < clock_timestamp() - make_interval(hours => $3) AS "isOld"
     FROM mirror.runs AS r
     JOIN directory.snapshots AS s USING (pool_id, snapshot_at)
     WHERE r.pool_id = $1 AND r.snapshot_at = $2 AND s.state = 'walking'`,
    [poolId, snapshotAt, EXPIRES_AFTER_HOURS],
  );
  const [walking] = found.rows;
  if (walking === undefined) return false;
  if (!isSameRecord(walking.privacy, privacy)) return true;
  if (!walking.isOld) return false;
  const read = await db.query<{ abandoned: boolean }>(
    `SELECT (count(*) = 0 OR count(*) FILTER (WHERE state = 'open') > 0)
       AND coalesce(max(token_at) < clock_timestamp() - make_interval(hours => $1), true) AS abandoned
     FROM ${stageTables(walking.stage).walks}`,
    [ABANDONED_AFTER_HOURS],
  );
  return read.rows[0]?.abandoned ?? false;
}

/** The number of the stage of a snapshot; null if it has no run. */
export async function findStage(
  db: Queryable,
  { poolId, snapshotAt }: SnapshotKey,
): Promise<number | null> {
  const found = await db.query<{ stage: number }>(
    'SELECT stage FROM mirror.runs WHERE pool_id = $1 AND snapshot_at = $2',
    [poolId, snapshotAt],
  );
  return found.rows[0]?.stage ?? null;
}
