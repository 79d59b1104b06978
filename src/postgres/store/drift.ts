import { type Queryable, rowCount } from '../connection.ts';
import type { SnapshotLease } from './leases.ts';
import { stageTables } from './stage.ts';

/*
 * Drift: rows of `directory.users` that a person, a partial restore or a replication changed, deleted or
 * added. An unchanged user is staged without content, which is only safe if its row has not drifted.
 *
 * Every row has the transaction that wrote it (`xmin`, which freezing and rewriting the table keep), and
 * `mirror.user_writers` has the transactions of publications. Rows of other transactions have drifted. If
 * there are fewer rows than the last publication left, something deleted rows.
 */

/** The transactions of publications of the pool `$1`, to compare with `xmin`. */
export const WRITERS = `(SELECT w.xid::xid FROM mirror.user_writers AS w
  WHERE w.pool_id = $1 AND w.server_id = (SELECT system_identifier FROM pg_control_system()))`;

/**
 * For a FROM clause: the records of users of the pool `$1` whose row something else deleted or renamed.
 * Drift must be marked.
 *
 * @param h the alias.
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
  /** True if none has drifted. It takes one scan and no join. */
  readonly intact: boolean;
}

/** Counts a pool's rows, and checks that they are those of the publication at `comparedWith`. */
export async function detectDrift(
  db: Queryable,
  poolId: string,
  comparedWith: Date | null,
): Promise<PoolRows> {
  const found = await db.query<PoolRows>(
    `SELECT count(*) AS rows, count(*) FILTER (WHERE c.xmin NOT IN ${WRITERS}) = 0
       AND count(*) IS NOT DISTINCT FROM (
         SELECT published_users FROM mirror.runs WHERE pool_id = $1 AND snapshot_at = $2
       ) AS intact
     FROM directory.users AS c WHERE c.pool_id = $1`,
    [poolId, comparedWith],
  );
  return found.rows[0] as PoolRows;
}

/**
 * Marks the records of drifted rows as stale, so that these users are staged with content and compared in
 * full. A row that no publication wrote gets a record without a hash. If a crash of Postgres emptied the
 * records, every row is compared anyway. Repeating this changes nothing.
 *
 * @returns how many rows have drifted.
 */
export async function markDrift(db: Queryable, poolId: string): Promise<number> {
  // In a database that was restored from another server, a recorded transaction can be in the future.
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

/** Deletes the records of a pool without a published snapshot: somebody removed its rows. */
export async function deleteUserHashes(db: Queryable, poolId: string): Promise<void> {
  await db.query('DELETE FROM mirror.user_hashes WHERE pool_id = $1', [poolId]);
}

/** A user that was staged without content before its row drifted. */
interface Unstaged {
  readonly username: string;
  readonly sub: string | null;
}

/** Drift while a snapshot is checked or published. */
interface Drift {
  readonly before: PoolRows;
  readonly unstaged: Unstaged[];
}

/**
 * Marks drift while a snapshot is checked or published, and finds the drifted users that are staged
 * without content: publishing cannot repair their rows.
 *
 * @param limit the most such users to return.
 */
export async function findUnstagedDrift(
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
 * Records the current transaction as a publication of the pool. It must not have savepoints, because
 * their rows have other transaction numbers.
 */
export async function recordWriter(db: Queryable, poolId: string): Promise<void> {
  const remembered = await db.query(
    `INSERT INTO mirror.user_writers
     SELECT $1, system_identifier, pg_current_xact_id() FROM pg_control_system()`,
    [poolId],
  );
  if (rowCount(remembered) === 0) throw new Error('pg_control_system() returned no row.');
}
