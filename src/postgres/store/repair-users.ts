import type pg from 'pg';
import { rowCount } from '../connection.ts';
import { listColumns, listedColumns } from './columns.ts';
import { WRITERS } from './drift.ts';
import type { SnapshotLease } from './leases.ts';
import { listMfa } from './mfa.ts';
import { stageTables } from './stage.ts';
import { abandonArchivesOfDrifted } from './transitions.ts';

/** A published row: the stage has what the listing showed, and `mirror.user_hashes` keeps its MFA state. */
const COLUMNS = `${listColumns(listedColumns('users'))}, ${listMfa()}`;
const of = (listed: string, mfa: string) =>
  `${listColumns(listedColumns('users'), listed)}, ${listMfa(mfa)}`;

/** What a repair did to the rows of a pool. */
interface Repairs {
  /** Rows rewritten, inserted again or deleted. */
  readonly repaired: number;
  /** Rows written. */
  readonly written: number;
  /** Rows inserted, less rows deleted. */
  readonly grown: number;
}

/**
 * Repairs drifted rows, within the publication's transaction and before its changes. A user that has not
 * changed in the pool gets the published row back, with its `valid_from` and without a version in the
 * history. A user that changed in the pool too is left to the publication, with the right `valid_from` for
 * the version that ends.
 *
 * Drifted rows must be marked as stale, and every stale user staged with content.
 */
export async function repairUsers(client: pg.PoolClient, lease: SnapshotLease): Promise<Repairs> {
  const rewritten = await rewriteRows(client, lease);
  const deleted = await deleteForeignRows(client, lease);
  const inserted = await insertMissing(client, lease);
  const restored = await restoreValidFrom(client, lease);
  await abandonArchivesOfDrifted(client, lease);
  return {
    repaired: rewritten + deleted + inserted,
    written: rewritten + inserted + restored,
    grown: inserted - deleted,
  };
}

/**
 * Rewrites rows that differ from the published ones. Other foreign transactions, such as the restore of a
 * dump, are trusted from now on if all their rows are staged with content or about to be deleted. This
 * publication compares all of those rows, and a committed transaction writes no more.
 */
async function rewriteRows(client: pg.PoolClient, lease: SnapshotLease): Promise<number> {
  const t = stageTables(lease.stage);
  const rewritten = await client.query<{ rewritten: number }>(
    `WITH examined AS MATERIALIZED (
       SELECT c.username, c.xmin AS writer, h.valid_from, ${listMfa('h')},
         h.hash = s.hash AS same,
         (${of('c', 'c')}) IS DISTINCT FROM (${of('s', 'h')}) OR c.valid_from <> h.valid_from AS differs,
         s.username IS NOT NULL OR NOT EXISTS (
           SELECT FROM ${t.confirmed} AS a WHERE a.username = c.username
         ) AS compared
       FROM directory.users AS c
       LEFT JOIN mirror.user_hashes AS h ON h.pool_id = $1 AND h.username = c.username AND h.stale
       LEFT JOIN ${t.users} AS s ON s.username = c.username AND s.attributes IS NOT NULL
       WHERE c.pool_id = $1 AND c.xmin NOT IN ${WRITERS}
     ), rewritten AS (
       UPDATE directory.users AS c
       SET (${COLUMNS}, valid_from) = ROW (${of('s', 'e')}, e.valid_from)
       FROM examined AS e JOIN ${t.users} AS s ON s.username = e.username
       WHERE c.pool_id = $1 AND c.username = e.username AND e.same AND e.differs
       RETURNING 1
     ), trusted AS (
       INSERT INTO mirror.user_writers
       SELECT $1, (SELECT system_identifier FROM pg_control_system()), writer::text::xid8
       FROM examined GROUP BY writer HAVING bool_and(compared)
       ON CONFLICT DO NOTHING
     )
     SELECT count(*) AS rewritten FROM rewritten`,
    [lease.poolId],
  );
  return rewritten.rows[0]?.rewritten ?? 0;
}

/** Deletes rows that no publication wrote. If the pool has the user, this publication adds it. */
async function deleteForeignRows(client: pg.PoolClient, lease: SnapshotLease): Promise<number> {
  const t = stageTables(lease.stage);
  const deleted = await client.query(
    `DELETE FROM directory.users AS c USING mirror.user_hashes AS h
     WHERE c.pool_id = $1 AND h.pool_id = $1 AND h.username = c.username AND h.stale
       AND h.hash IS NULL
       AND NOT EXISTS (SELECT FROM ${t.confirmed} AS a WHERE a.username = c.username)`,
    [lease.poolId],
  );
  return rowCount(deleted);
}

/** Inserts deleted rows again, for users that have not changed. */
async function insertMissing(client: pg.PoolClient, lease: SnapshotLease): Promise<number> {
  const t = stageTables(lease.stage);
  const inserted = await client.query(
    `INSERT INTO directory.users (pool_id, ${COLUMNS}, valid_from)
     SELECT $1, ${of('s', 'h')}, h.valid_from
     FROM mirror.user_hashes AS h
     JOIN ${t.users} AS s ON s.username = h.username AND s.hash = h.hash
     WHERE h.pool_id = $1 AND h.stale AND s.attributes IS NOT NULL AND NOT EXISTS (
       SELECT FROM directory.users AS c WHERE c.pool_id = $1 AND c.username = h.username
     )
     ORDER BY h.username`,
    [lease.poolId],
  );
  return rowCount(inserted);
}

/**
 * Restores `valid_from` of the rows of users that changed in the pool: their version ends with this
 * publication. Rows of confirmed users are not compared and stay as they are.
 */
async function restoreValidFrom(client: pg.PoolClient, lease: SnapshotLease): Promise<number> {
  const t = stageTables(lease.stage);
  const restored = await client.query(
    `UPDATE directory.users AS c SET valid_from = h.valid_from FROM mirror.user_hashes AS h
     WHERE c.pool_id = $1 AND h.pool_id = $1 AND h.username = c.username AND h.stale
       AND h.valid_from <> c.valid_from
       AND NOT EXISTS (SELECT FROM ${t.confirmed} AS a WHERE a.username = c.username)`,
    [lease.poolId],
  );
  return rowCount(restored);
}
