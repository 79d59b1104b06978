import type pg from 'pg';
import { type Queryable, rowCount, transaction } from '../connection.ts';
import type { SnapshotLease } from './leases.ts';
import { stageTables } from './stage.ts';
import {
  addWalks,
  failLostWalk,
  LEAVES,
  type PlannedWalk,
  STARTS_AGAIN,
  WALK_COLUMNS,
  type Walk,
} from './walks.ts';

/*
 * Walks that start again, or that others replace. What they read is ignored from then on: rows of an
 * earlier attempt, or of a walk that is neither open nor done, are dropped when the reads are merged.
 */

/**
 * Starts a walk again from its first page, as a new attempt: the service refused its token.
 *
 * @returns the walk, and how many items it had read.
 * @throws LeaseLostError if another runner has the walk.
 */
export async function restartWalk(
  db: Queryable,
  lease: SnapshotLease,
  walk: Walk,
): Promise<{ walk: Walk; lostItems: number }> {
  const t = stageTables(lease.stage);
  const restarted = await db.query<Walk & { lostItems: number }>(
    `UPDATE ${t.walks} AS w SET attempt = w.attempt + 1, token = NULL, pages = 0, items = 0,
       ${STARTS_AGAIN}
     FROM (SELECT id, items FROM ${t.walks} WHERE id = $1 FOR UPDATE) AS old
     WHERE w.id = old.id AND w.attempt = $2 AND w.lease = $3 AND w.state = 'open'
     RETURNING ${WALK_COLUMNS}, old.items AS "lostItems"`,
    [walk.id, walk.attempt, walk.lease],
  );
  const row = restarted.rows[0];
  if (row === undefined) return failLostWalk(db, lease, walk);
  const { lostItems, ...again } = row;
  return { walk: again, lostItems };
}

/** Starts all finished walks over users again, as new attempts. */
export async function restartUserWalks(db: Queryable, lease: SnapshotLease): Promise<Walk[]> {
  const t = stageTables(lease.stage);
  await clearWalked(db, lease);
  const restarted = await db.query<Walk>(
    `UPDATE ${t.walks} AS w
     SET state = 'open', attempt = attempt + 1, token = NULL, pages = 0, items = 0, ${STARTS_AGAIN}
     WHERE kind = 'users' AND state = 'done' RETURNING ${WALK_COLUMNS}`,
  );
  return restarted.rows;
}

/** Opens dropped walks again, as new attempts. */
export async function reopenWalks(
  db: Queryable,
  lease: SnapshotLease,
  ids: readonly number[],
): Promise<Walk[]> {
  const t = stageTables(lease.stage);
  await clearWalked(db, lease);
  const opened = await db.query<Walk>(
    `UPDATE ${t.walks} AS w SET state = 'open', attempt = w.attempt + 1, pages = 0, items = 0,
       ${STARTS_AGAIN}
     WHERE w.id = ANY ($1) AND w.state = 'dropped' RETURNING ${WALK_COLUMNS}`,
    [ids],
  );
  return opened.rows;
}

/**
 * Replaces a walk by walks over longer prefixes.
 *
 * @returns the new walks, and how many items the old walk had read.
 * @throws LeaseLostError if another runner has the walk.
 */
export async function splitWalk(
  pool: pg.Pool,
  lease: SnapshotLease,
  walk: Walk,
  children: readonly PlannedWalk[],
): Promise<{ walks: Walk[]; lostItems: number }> {
  return transaction(pool, async (client) => {
    // `replaceWithSingleChain` waits for this lock, and then supersedes the new walks too.
    await client.query(
      'SELECT FROM mirror.runs WHERE pool_id = $1 AND snapshot_at = $2 FOR UPDATE',
      [lease.poolId, lease.snapshotAt],
    );
    const lostItems = await endWalk(client, lease, walk, 'split');
    return { walks: await addWalks(client, lease, children), lostItems };
  });
}

/**
 * Drops a walk over the members of a group that was deleted.
 *
 * @returns how many items it had read.
 * @throws LeaseLostError if another runner has the walk.
 */
export function dropWalk(db: Queryable, lease: SnapshotLease, walk: Walk): Promise<number> {
  return endWalk(db, lease, walk, 'dropped');
}

async function endWalk(
  db: Queryable,
  lease: SnapshotLease,
  walk: Walk,
  state: 'split' | 'dropped',
): Promise<number> {
  const t = stageTables(lease.stage);
  const ended = await db.query<{ items: number }>(
    `UPDATE ${t.walks} AS w SET state = $4, token = NULL, ${LEAVES}
     WHERE id = $1 AND attempt = $2 AND lease = $3 AND state = 'open'
     RETURNING items`,
    [walk.id, walk.attempt, walk.lease, state],
  );
  return ended.rows[0]?.items ?? failLostWalk(db, lease, walk);
}

/**
 * Replaces all walks over users by a single chain, because the service refused shards or shards lost
 * users.
 *
 * @returns the new walk, or null if another walk decided this before.
 */
export async function replaceWithSingleChain(
  pool: pg.Pool,
  lease: SnapshotLease,
  expected: number | null,
): Promise<Walk | null> {
  const t = stageTables(lease.stage);
  return transaction(pool, async (client) => {
    // This locks the row of the lease: if several walks need it at once, one of them decides.
    const isFirst = await markSingleChain(client, lease);
    if (!isFirst) return null;
    await clearWalked(client, lease);
    await client.query(
      `UPDATE ${t.walks} SET state = 'superseded', token = NULL WHERE kind = 'users'`,
    );
    const [walk] = await addWalks(client, lease, [
      { kind: 'users', prefix: null, groupName: null, expected },
    ]);
    return walk ?? null;
  });
}

/**
 * Records that the users are read in a single chain.
 *
 * @returns false if that was recorded before, or the lease is lost.
 */
export async function markSingleChain(db: Queryable, lease: SnapshotLease): Promise<boolean> {
  const marked = await db.query(
    `UPDATE mirror.runs SET single_chain = true
     WHERE pool_id = $1 AND snapshot_at = $2 AND lease_number = $3 AND NOT single_chain`,
    [lease.poolId, lease.snapshotAt, lease.number],
  );
  return rowCount(marked) > 0;
}

/** True if a single chain replaced a walk that its holder is still reading: the holder can stop. */
export async function isSuperseded(
  db: Queryable,
  lease: SnapshotLease,
  walk: Walk,
): Promise<boolean> {
  const t = stageTables(lease.stage);
  const found = await db.query(
    `SELECT FROM ${t.walks} WHERE id = $1 AND lease = $2 AND state = 'superseded'`,
    [walk.id, walk.lease],
  );
  return rowCount(found) > 0;
}

/** The walks have not all ended any more. */
async function clearWalked(db: Queryable, lease: SnapshotLease): Promise<void> {
  await db.query(
    `UPDATE directory.snapshots SET walked_at = NULL WHERE pool_id = $1 AND snapshot_at = $2`,
    [lease.poolId, lease.snapshotAt],
  );
}
