import type { Queryable } from '../connection.ts';
import { SNAPSHOT_COLUMNS, type SnapshotRow } from '../store/snapshots.ts';
import { PUBLISHED_STATES } from '../store/states.ts';

/** A pool, as its page names it. */
export interface PoolHeader {
  readonly poolId: string;
  readonly name: string | null;
  readonly accountId: string | null;
  readonly region: string | null;
  readonly estimatedUsers: number | null;
  /** When DescribeUserPool last described it; null if it never did. */
  readonly seenAt: Date | null;
  /** When the newest published snapshot began; null: none was published. */
  readonly latestAt: Date | null;
  /** Since when its changes are known; null: none was published. */
  readonly startsAt: Date | null;
}

/** The pool; null if neither a snapshot nor a schedule of it is known. */
export async function findPool(db: Queryable, poolId: string): Promise<PoolHeader | null> {
  const found = await db.query<PoolHeader>(
    `SELECT $1 AS "poolId", p.name, p.account_id AS "accountId", p.region,
       p.estimated_users AS "estimatedUsers", p.seen_at AS "seenAt", h.starts_at AS "startsAt",
       (SELECT max(s.snapshot_at) FROM directory.snapshots AS s
        WHERE s.pool_id = $1 AND s.state IN ${PUBLISHED_STATES}) AS "latestAt"
     FROM (SELECT) AS one
     LEFT JOIN directory.pools AS p ON p.pool_id = $1
     LEFT JOIN mirror.history_starts AS h ON h.pool_id = $1
     WHERE p.pool_id IS NOT NULL
       OR EXISTS (SELECT FROM directory.snapshots AS s WHERE s.pool_id = $1)
       OR EXISTS (SELECT FROM mirror.schedules AS s WHERE s.pool_id = $1)`,
    [poolId],
  );
  return found.rows[0] ?? null;
}

/** Snapshots of the pool that began before a time, the newest first. */
export async function listSnapshots(
  db: Queryable,
  poolId: string,
  before: Date | null,
  limit: number,
): Promise<SnapshotRow[]> {
  const found = await db.query<SnapshotRow>(
    `SELECT ${SNAPSHOT_COLUMNS} FROM directory.snapshots
     WHERE pool_id = $1 AND snapshot_at < coalesce($2, 'infinity'::timestamptz)
       AND state <> 'comparing'
     ORDER BY snapshot_at DESC LIMIT $3`,
    [poolId, before, limit],
  );
  return found.rows;
}

/** A snapshot that changed settings of the pool. */
export interface SettingsChanged {
  readonly snapshot: string;
  readonly snapshotAt: Date;
  /** The parts that began, changed or ended with it, sorted. */
  readonly parts: readonly string[];
}

/** The newest snapshots that changed settings, at most `limit`. Empty if none keeps settings. */
export async function listSettingsChanged(
  db: Queryable,
  poolId: string,
  limit: number,
): Promise<SettingsChanged[]> {
  const found = await db.query<SettingsChanged>(
    `SELECT s.snapshot, s.snapshot_at AS "snapshotAt", array_agg(DISTINCT v.part ORDER BY v.part) AS parts
     FROM (
       SELECT part, valid_from AS at FROM directory.pool_settings WHERE pool_id = $1
       UNION ALL
       SELECT part, valid_from FROM directory.pool_setting_history WHERE pool_id = $1
       UNION ALL
       SELECT part, valid_to FROM directory.pool_setting_history WHERE pool_id = $1
     ) AS v
     JOIN directory.snapshots AS s ON s.pool_id = $1 AND s.snapshot_at = v.at
     -- The first snapshot with settings changes none.
     WHERE v.at > (
       SELECT min(snapshot_at) FROM directory.snapshots
       WHERE pool_id = $1 AND settings IS NOT NULL AND state IN ${PUBLISHED_STATES}
     )
     GROUP BY s.snapshot, s.snapshot_at ORDER BY s.snapshot_at DESC LIMIT $2`,
    [poolId, limit],
  );
  return found.rows;
}
