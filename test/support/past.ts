import type pg from 'pg';

/**
 * Moves all that was taken so far into the past, as if `interval` (such as `1 day`) had passed. The
 * rows count as written by a publication, and not as changed by a hand.
 */
export async function moveToPast(db: pg.Pool, interval: string): Promise<void> {
  const back = (columns: readonly string[]) =>
    columns.map((column) => `${column} = ${column} - interval '${interval}'`).join(', ');
  await db.query(`
    WITH runs AS (UPDATE mirror.runs SET ${back(['snapshot_at', 'compared_with'])}),
    checks AS (UPDATE directory.snapshot_checks SET ${back(['snapshot_at'])}),
    walks AS (UPDATE mirror.snapshot_walks SET ${back(['snapshot_at'])}),
    statuses AS (UPDATE mirror.status_counts SET ${back(['snapshot_at'])}),
    users AS (UPDATE directory.users SET ${back(['valid_from'])}),
    groups AS (UPDATE directory.groups SET ${back(['valid_from'])}),
    memberships AS (UPDATE directory.memberships SET ${back(['valid_from'])}),
    user_history AS (UPDATE directory.user_history SET ${back(['valid_from', 'valid_to'])}),
    group_history AS (UPDATE directory.group_history SET ${back(['valid_from', 'valid_to'])}),
    membership_history AS (UPDATE directory.membership_history SET ${back(['valid_from', 'valid_to'])}),
    settings AS (UPDATE directory.pool_settings SET ${back(['valid_from', 'read_at'])}),
    setting_history AS (UPDATE directory.pool_setting_history SET ${back(['valid_from', 'valid_to'])}),
    hashes AS (UPDATE mirror.user_hashes SET ${back(['valid_from'])}),
    writers AS (
      INSERT INTO mirror.user_writers
      SELECT DISTINCT pool_id, system_identifier, pg_current_xact_id()
      FROM directory.users CROSS JOIN pg_control_system()
    )
    UPDATE directory.snapshots SET ${back(['snapshot_at', 'published_at'])},
      snapshot = to_char(
        (snapshot_at - interval '${interval}') AT TIME ZONE 'UTC', 'YYYYMMDD"T"HH24MISS"Z"'
      )`);
}
