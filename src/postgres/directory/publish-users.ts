import type pg from 'pg';
import { rowCount } from '../connection.ts';
import type { Run } from '../run.ts';
import { stageTables } from '../stage-tables.ts';

/** What a publication did to the users of a pool. */
export interface UserChanges {
  readonly added: number;
  readonly modified: number;
  readonly removed: number;
}

const COLUMNS =
  'username, sub, status, enabled, created_at, modified_at, attributes, mfa_options, escaped';
const of = (table: string) => COLUMNS.replaceAll(/\w+/g, `${table}.$&`);

/**
 * Makes the staged users the current ones, within the publication's transaction, and closes the
 * versions that end. A hash that is new only says that a row may differ: the rows decide. A name
 * that came back with another sub counts as one removed and one added.
 */
export async function publishUsers(client: pg.PoolClient, run: Run): Promise<UserChanges> {
  const t = stageTables(run.stage);
  const key = [run.poolId, run.snapshotAt];
  const removed = await client.query(
    `WITH gone AS (
       DELETE FROM directory.users AS c
       WHERE c.pool_id = $1
         AND NOT EXISTS (SELECT FROM ${t.users} AS s WHERE s.username = c.username)
         AND NOT EXISTS (SELECT FROM ${t.alive} AS a WHERE a.username = c.username)
       RETURNING c.*
     ), forgotten AS (
       DELETE FROM mirror.user_hashes AS h USING gone
       WHERE h.pool_id = $1 AND h.username = gone.username
     )
     INSERT INTO directory.user_history (pool_id, ${COLUMNS}, valid_from, valid_to)
     SELECT $1, ${of('gone')}, gone.valid_from, $2 FROM gone`,
    key,
  );
  const changed = await client.query<{ modified: number; replaced: number }>(
    `WITH changed AS MATERIALIZED (
       SELECT c.username, c.sub IS NOT DISTINCT FROM s.sub AS same_person
       FROM directory.users AS c
       JOIN ${t.users} AS s ON s.username = c.username
       WHERE c.pool_id = $1 AND s.attributes IS NOT NULL
         AND (${of('c')}) IS DISTINCT FROM (${of('s')})
     ), closed AS (
       INSERT INTO directory.user_history (pool_id, ${COLUMNS}, valid_from, valid_to)
       SELECT c.pool_id, ${of('c')}, c.valid_from, $2
       FROM directory.users AS c
       JOIN changed USING (username)
       WHERE c.pool_id = $1
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
  await saveHashes(client, run);
  const { modified, replaced } = changed.rows[0] as { modified: number; replaced: number };
  return {
    added: rowCount(added) + replaced,
    modified,
    removed: rowCount(removed) + replaced,
  };
}

/** Notes the hashes of what is new. Two statements, as ON CONFLICT makes each row cost half as much again. */
async function saveHashes(client: pg.PoolClient, run: Run): Promise<void> {
  const t = stageTables(run.stage);
  await client.query(
    `UPDATE mirror.user_hashes AS h SET hash = s.hash FROM ${t.users} AS s
     WHERE h.pool_id = $1 AND h.username = s.username AND s.attributes IS NOT NULL`,
    [run.poolId],
  );
  await client.query(
    `INSERT INTO mirror.user_hashes (pool_id, username, hash)
     SELECT $1, s.username, s.hash FROM ${t.users} AS s
     WHERE s.attributes IS NOT NULL AND NOT EXISTS (
       SELECT FROM mirror.user_hashes AS h WHERE h.pool_id = $1 AND h.username = s.username
     )
     ORDER BY s.username`,
    [run.poolId],
  );
}
