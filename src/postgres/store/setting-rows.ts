import type { SnapshotKey } from '../../model/snapshot.ts';
import type { Queryable } from '../connection.ts';

/**
 * The settings of a pool as of a published snapshot that keeps them, in the archive's columns. What the
 * snapshot could not read, and no earlier one had read, has a row without settings.
 *
 * @param pool the id of the pool in SQL
 * @param at the time of the snapshot in SQL
 */
export function selectSettings(pool: string, at: string): string {
  return `SELECT part, kept.settings, noted.unread
    FROM (${selectSettingsAsOf(pool, at)}) AS kept
    FULL JOIN (
      SELECT u.key COLLATE "C" AS part, u.value AS unread
      FROM directory.snapshots AS s CROSS JOIN LATERAL jsonb_each_text(s.settings_unread) AS u
      WHERE s.pool_id = ${pool} AND s.snapshot_at = ${at}
    ) AS noted USING (part)`;
}

/** The parts of a pool's settings as of a time, with their settings. */
export function selectSettingsAsOf(pool: string, at: string): string {
  return `SELECT part, settings FROM directory.pool_settings
      WHERE pool_id = ${pool} AND valid_from <= ${at}
    UNION ALL SELECT part, settings FROM directory.pool_setting_history
      WHERE pool_id = ${pool} AND valid_from <= ${at} AND valid_to > ${at}`;
}

/**
 * How many rows `selectSettings` must give: the parts that the snapshot published, and what it could not
 * read besides. Undefined: it keeps no settings.
 */
export async function countSettings(
  db: Queryable,
  { poolId, snapshotAt }: SnapshotKey,
): Promise<number | undefined> {
  const found = await db.query<{ rows: number | null }>(
    `SELECT s.settings + (
       SELECT count(*)::integer FROM jsonb_object_keys(s.settings_unread) AS u (part)
       WHERE u.part NOT IN (SELECT part FROM (${selectSettingsAsOf('$1', '$2')}) AS kept)
     ) AS rows
     FROM directory.snapshots AS s WHERE s.pool_id = $1 AND s.snapshot_at = $2`,
    [poolId, snapshotAt],
  );
  return found.rows[0]?.rows ?? undefined;
}
