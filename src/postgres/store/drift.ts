import { type Queryable, rowCount } from '../connection.ts';
import type { SnapshotLease } from './leases.ts';
import { stageTables } from './stage.ts';

/*
 * Drift: rows of `directory.users` that are not as the last publication left them, because a person,
 * a partial restore or a replication changed, deleted or added them. An unchanged user is staged
 * without content, so its row must be the one that its hash stands for.
 *
 * Every row carries the transaction that wrote it (`xmin`, which freezing and rewriting the table keep).
 * `mirror.user_writers` has those of publications. A row of another transaction has drifted, and a
 * row is missing where there are fewer than the last publication left.
 */

/** The transactions whose rows of the pool `$1` are as they should be, as `xmin` has them. */
export const WRITERS = `(SELECT w.xid::xid FROM mirror.user_writers AS w
  WHERE w.pool_id = $1 AND w.server_id = (SELECT system_identifier FROM pg_control_system()))`;

/**
 * The records, as `h`, of users of the pool `$1` whose row something else deleted or renamed. For a
 * FROM clause; drift has been marked.
 */
export function selectDeletedRows(h: string): string {
  return `(
    SELECT m.* FROM mirror.user_hashes AS m
    WHERE m.pool_id = $1 AND m.stale AND m.hash IS NOT NULL AND NOT EXISTS (
      SELECT FROM directory.users AS c WHERE c.pool_id = $1 AND c.username = m.username
    )
  ) AS ${h}`;
}

/** The rows of a pool in `directory.users`. */
export interface PoolRows {
  readonly rows: number;
  /** True where none has drifted. One scan decides it, without a join. */
  readonly intact: boolean;
}

/** Looks whether a pool's rows are those that the publication at `comparedWith` left. */
export async function detectDrift(
  db: Queryable,
  poolId: string,
  comparedWith: Date | null,
): Promise<PoolRows> {
  const found = await db.query<PoolRows>(
    `SELECT count(*) AS rows, count(*) FILTER (WHERE c.xmin NOT IN ${WRITERS}) = 0
       AND count(*) IS NOT DISTINCT FROM (
         SELECT published_users FROM mirror.snapshot_leases WHERE pool_id = $1 AND snapshot_at = $2
       ) AS intact
     FROM directory.users AS c WHERE c.pool_id = $1`,
    [poolId, comparedWith],
  );
  return found.rows[0] as PoolRows;
}

/**
 * Marks the records of rows that have drifted, so that they are staged with content and compared in
 * full. A row that no publication wrote gets a record without a hash; where a crash of Postgres
 * emptied the records, every row is compared anyway. Doing it again changes nothing.
 *
 * @returns how many rows have drifted.
 */
export async function markDrift(db: Queryable, poolId: string): Promise<number> {
  // Of transactions that this server has yet to begin, as of a database restored into it.
  await db.query(
    `DELETE FROM mirror.user_writers
     WHERE pool_id = $1 AND xid >= pg_snapshot_xmax(pg_current_snapshot())`,
    [poolId],
  );
  await db.query(
    `UPDATE mirror.user_hashes AS h SET stale = true
     WHERE h.pool_id = $1 AND NOT h.stale AND NOT EXISTS (
       SELECT FROM directory.users AS c
       WHERE c.pool_id = $1 AND c.username = h.username AND c.xmin IN ${WRITERS}
     )`,
    [poolId],
  );
  await db.query(
    `INSERT INTO mirror.user_hashes (pool_id, username, stale)
     SELECT c.pool_id, c.username, true FROM directory.users AS c
     WHERE c.pool_id = $1 AND c.xmin NOT IN ${WRITERS}
       AND EXISTS (SELECT FROM mirror.user_hashes AS h WHERE h.pool_id = $1)
       AND NOT EXISTS (
         SELECT FROM mirror.user_hashes AS h WHERE h.pool_id = $1 AND h.username = c.username
       )`,
    [poolId],
  );
  const marked = await db.query<{ stale: number }>(
    'SELECT count(*) AS stale FROM mirror.user_hashes WHERE pool_id = $1 AND stale',
    [poolId],
  );
  return marked.rows[0]?.stale ?? 0;
}

/** Forgets what was published of a pool that has no published snapshot: its rows were taken out. */
export async function forgetPublished(db: Queryable, poolId: string): Promise<void> {
  await db.query('DELETE FROM mirror.user_hashes WHERE pool_id = $1', [poolId]);
}

/** A user whose row drifted after the user had been staged without content. */
export interface Unstaged {
  readonly username: string;
  readonly sub: string | null;
}

/** How a snapshot stands to rows that have drifted. */
export interface Drift {
  readonly before: PoolRows;
  /** Users that were staged without content, and whose row has drifted since. */
  readonly unstaged: Unstaged[];
}

/**
 * Looks for drift while a snapshot is checked or published, and marks it. Publishing could not put
 * those users right that were staged without content.
 *
 * @param limit how many of them are given at most.
 */
export async function settleDrift(
  db: Queryable,
  lease: SnapshotLease,
  limit: number,
): Promise<Drift> {
  const before = await detectDrift(db, lease.poolId, lease.comparedWith);
  if (before.intact || lease.comparedWith === null) return { before, unstaged: [] };
  await markDrift(db, lease.poolId);
  const t = stageTables(lease.stage);
  const unstaged = await db.query<Unstaged>(
    `SELECT s.username, s.sub FROM ${t.users} AS s
     WHERE s.attributes IS NULL AND NOT EXISTS (
       SELECT FROM directory.users AS c
       WHERE c.pool_id = $1 AND c.username = s.username AND c.xmin IN ${WRITERS}
     )
     LIMIT $2`,
    [lease.poolId, limit],
  );
  return { before, unstaged: unstaged.rows };
}

/**
 * Remembers the transaction under way as one that wrote rows of the pool as they should be. It must
 * have no savepoints, whose rows carry another number.
 */
export async function rememberWriter(db: Queryable, poolId: string): Promise<void> {
  const remembered = await db.query(
    `INSERT INTO mirror.user_writers
     SELECT $1, system_identifier, pg_current_xact_id() FROM pg_control_system()`,
    [poolId],
  );
  if (rowCount(remembered) === 0) throw new Error('Postgres gives no system identifier.');
}
