import type pg from 'pg';
import { rowCount } from '../connection.ts';
import { listWritten } from './columns.ts';
import { type PoolRows, recordWriter } from './drift.ts';
import type { SnapshotLease } from './leases.ts';
import { listMfa, READS_MFA } from './mfa.ts';
import { repairUsers } from './repair-users.ts';
import { stageTables } from './stage.ts';

const COLUMNS = listWritten('users');
const of = (table: string) => listWritten('users', table);

/** What a publication did to the users of a pool. */
export interface UserChanges {
  readonly added: number;
  readonly modified: number;
  readonly removed: number;
  /** Drifted rows that it repaired. */
  readonly repaired: number;
}

/**
 * Makes the staged users the current ones and closes the versions that end, within the publication's
 * transaction. A new hash means that a row may differ, and the rows decide. A name that came back with
 * another sub counts as one removed and one added user. If the history already has a version, for example
 * after a restore of old current rows, that version stays.
 *
 * @param before the pool's rows at the start of this transaction, with drift marked.
 */
export async function publishUsers(
  client: pg.PoolClient,
  lease: SnapshotLease,
  before: PoolRows,
): Promise<UserChanges> {
  const t = stageTables(lease.stage);
  const { repaired, written, grown } = before.intact
    ? { repaired: 0, written: 0, grown: 0 }
    : await repairUsers(client, lease);
  const key = [lease.poolId, lease.snapshotAt];
  const removed = await client.query(
    `WITH gone AS (
       DELETE FROM directory.users AS c
       WHERE c.pool_id = $1
         AND NOT EXISTS (SELECT FROM ${t.users} AS s WHERE s.username = c.username)
         AND NOT EXISTS (SELECT FROM ${t.confirmed} AS a WHERE a.username = c.username)
       RETURNING c.*
     ), forgotten AS (
       DELETE FROM mirror.user_hashes AS h USING gone
       WHERE h.pool_id = $1 AND h.username = gone.username
     )
     INSERT INTO directory.user_history (pool_id, ${COLUMNS}, valid_from, valid_to)
     SELECT $1, ${of('gone')}, gone.valid_from, $2 FROM gone
     ON CONFLICT DO NOTHING`,
    key,
  );
  const changed = await client.query<{ modified: number; replaced: number }>(
    `WITH changed AS MATERIALIZED (
       SELECT c.username, c.sub IS NOT DISTINCT FROM s.sub AS same_person
       FROM directory.users AS c
       JOIN ${t.users} AS s ON s.username = c.username
       WHERE c.pool_id = $1 AND s.attributes IS NOT NULL
         AND ((${of('c')}) IS DISTINCT FROM (${of('s')}) OR EXISTS (
           -- Something else made the same change to the row.
           SELECT FROM mirror.user_hashes AS h
           WHERE h.pool_id = $1 AND h.username = c.username AND h.stale AND h.hash <> s.hash
         ))
     ), closed AS (
       INSERT INTO directory.user_history (pool_id, ${COLUMNS}, valid_from, valid_to)
       SELECT c.pool_id, ${of('c')}, c.valid_from, $2
       FROM directory.users AS c
       JOIN changed USING (username)
       WHERE c.pool_id = $1
       ON CONFLICT DO NOTHING
     ), updated AS (
       UPDATE directory.users AS c SET (${COLUMNS}, valid_from) = ROW (${of('s')}, $2::timestamptz)
       FROM ${t.users} AS s
       JOIN changed USING (username)
       WHERE c.pool_id = $1 AND c.username = s.username
     )
     SELECT count(*) FILTER (WHERE same_person) AS modified,
       count(*) FILTER (WHERE NOT same_person) AS replaced
     FROM changed`,
    key,
  );
  const added = await client.query(
    `INSERT INTO directory.users (pool_id, ${COLUMNS}, valid_from)
     SELECT $1, ${of('s')}, $2 FROM ${t.users} AS s
     WHERE NOT EXISTS (
       SELECT FROM directory.users AS c WHERE c.pool_id = $1 AND c.username = s.username
     )
     ORDER BY s.username`,
    key,
  );
  await saveHashes(client, lease);
  const { modified, replaced } = changed.rows[0] as { modified: number; replaced: number };
  const counts = { added: rowCount(added), removed: rowCount(removed) };
  await client.query(
    'UPDATE mirror.runs SET published_users = $3 WHERE pool_id = $1 AND snapshot_at = $2',
    [...key, before.rows + grown + counts.added - counts.removed],
  );
  if (counts.added + modified + replaced + written > 0) await recordWriter(client, lease.poolId);
  return {
    added: counts.added + replaced,
    modified,
    removed: counts.removed + replaced,
    repaired,
  };
}

/**
 * Records the published content of users that were staged with content. These are two statements because
 * ON CONFLICT makes each row half as expensive again. The remaining stale records belong to deleted users,
 * which are removed, and to confirmed users, which stay.
 */
async function saveHashes(client: pg.PoolClient, lease: SnapshotLease): Promise<void> {
  const t = stageTables(lease.stage);
  const key = [lease.poolId, lease.snapshotAt];
  if (lease.comparedWith !== null) await restoreHashes(client, lease);
  // This publication wrote most rows, so the join for valid_from covers older rows only.
  const older = `LEFT JOIN directory.users AS c
    ON c.pool_id = $1 AND c.username = s.username AND c.valid_from < $2`;
  await client.query(
    `UPDATE mirror.user_hashes AS h
     SET hash = s.hash, valid_from = coalesce(c.valid_from, $2), stale = false,
       (${listMfa()}) = ROW (${listMfa('s')}),
       mfa_asked_at = coalesce(s.mfa_asked_at, CASE WHEN s.mfa_read_at IS NOT NULL THEN h.mfa_asked_at END)
     FROM ${t.users} AS s ${older}
     WHERE h.pool_id = $1 AND h.username = s.username AND s.attributes IS NOT NULL`,
    key,
  );
  await client.query(
    `INSERT INTO mirror.user_hashes (pool_id, username, hash, valid_from, ${listMfa()}, mfa_asked_at)
     SELECT $1, s.username, s.hash, coalesce(c.valid_from, $2), ${listMfa('s')}, s.mfa_asked_at
     FROM ${t.users} AS s ${older}
     WHERE s.attributes IS NOT NULL AND NOT EXISTS (
       SELECT FROM mirror.user_hashes AS h WHERE h.pool_id = $1 AND h.username = s.username
     )
     ORDER BY s.username`,
    key,
  );
  // Other users that were asked for have the MFA state that is published.
  await client.query(
    `UPDATE mirror.user_hashes AS h SET mfa_asked_at = s.mfa_asked_at FROM ${t.users} AS s
     WHERE ${READS_MFA} AND h.pool_id = $1 AND h.username = s.username
       AND s.attributes IS NULL AND s.mfa_asked_at IS NOT NULL`,
    [lease.poolId],
  );
  await client.query(
    `DELETE FROM mirror.user_hashes AS h WHERE h.pool_id = $1 AND h.stale
     AND NOT EXISTS (SELECT FROM ${t.confirmed} AS a WHERE a.username = h.username)`,
    [lease.poolId],
  );
}

/**
 * Records unchanged users again if a crash of Postgres emptied the records while a LOGGED stage kept the
 * users that had been compared with them. A row without a record counts as one that no publication wrote.
 */
async function restoreHashes(client: pg.PoolClient, lease: SnapshotLease): Promise<void> {
  const t = stageTables(lease.stage);
  await client.query(
    `INSERT INTO mirror.user_hashes (pool_id, username, hash, valid_from, ${listMfa()}, mfa_asked_at)
     SELECT $1, s.username, s.hash, c.valid_from, ${listMfa('c')}, c.mfa_read_at
     FROM ${t.users} AS s
     JOIN directory.users AS c ON c.pool_id = $1 AND c.username = s.username
     WHERE s.attributes IS NULL
       AND NOT EXISTS (SELECT FROM mirror.user_hashes AS h WHERE h.pool_id = $1)
     ORDER BY s.username`,
    [lease.poolId],
  );
}
