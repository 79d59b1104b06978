import type pg from 'pg';
import { LeaseLostError } from '../../model/errors.ts';
import type { WalkKind } from '../../telemetry/snapshot-progress.ts';
import { type Queryable, rowCount, transaction } from '../connection.ts';
import { type SnapshotLease, withLease } from './leases.ts';
import { assertStageExists, describeStageRows, stageTables } from './stage.ts';

/** A token is valid for an hour from its own page; one this old is not tried any more. */
const TOKEN_LIFE = '50 minutes';

/** Adds walks to a stage and returns them as they stand. */
export async function addWalks(
  db: Queryable,
  lease: SnapshotLease,
  walks: readonly PlannedWalk[],
): Promise<Walk[]> {
  const t = stageTables(lease.stage);
  const added = await db.query<Walk>(
    `INSERT INTO ${t.walks} AS w (kind, prefix, group_name, expected)
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[])
     RETURNING ${WALK_COLUMNS}`,
    [
      walks.map((walk) => walk.kind),
      walks.map((walk) => walk.prefix),
      walks.map((walk) => walk.groupName),
      walks.map((walk) => walk.expected),
    ],
  );
  return added.rows;
}

/** Every walk of a stage; none where it is new, was dropped, or a crash of Postgres emptied it. */
export async function allWalks(db: Queryable, lease: SnapshotLease): Promise<Walk[]> {
  const t = stageTables(lease.stage);
  return describeStageRows(
    db.query<Walk>(`SELECT ${WALK_COLUMNS} FROM ${t.walks} AS w ORDER BY w.id`),
  );
}

/** Some walks of a stage, as they stand; none where it was dropped. */
export async function walksById(
  db: Queryable,
  lease: SnapshotLease,
  ids: readonly number[],
): Promise<Walk[]> {
  const t = stageTables(lease.stage);
  return describeStageRows(
    db.query<Walk>(`SELECT ${WALK_COLUMNS} FROM ${t.walks} AS w WHERE w.id = ANY ($1)`, [ids]),
  );
}

/**
 * Takes a walk in hand: whoever had it before can commit nothing more. A walk whose token is too
 * old starts again as a new attempt.
 *
 * @returns the walk as it now stands, or null where it is no longer open.
 * @throws FencedError where another runner has the snapshot.
 */
export async function leaseWalk(
  pool: pg.Pool,
  lease: SnapshotLease,
  id: number,
): Promise<Walk | null> {
  const t = stageTables(lease.stage);
  return withLease(pool, lease, ['walking'], async (client) => {
    const claimed = await client.query<Walk>(
      `UPDATE ${t.walks} AS w SET
         lease = w.lease + 1,
         failure = NULL,
         attempt = w.attempt + CASE WHEN c.stale THEN 1 ELSE 0 END,
         token = CASE WHEN c.stale THEN NULL ELSE w.token END,
         pages = CASE WHEN c.stale THEN 0 ELSE w.pages END,
         items = CASE WHEN c.stale THEN 0 ELSE w.items END
       FROM (
         SELECT id, token IS NOT NULL AND token_at < clock_timestamp() - $2::interval AS stale
         FROM ${t.walks} WHERE id = $1
       ) AS c
       WHERE w.id = c.id AND w.state = 'open'
       RETURNING ${WALK_COLUMNS}`,
      [id, TOKEN_LIFE],
    );
    return claimed.rows[0] ?? null;
  });
}

/** Notes why a walk was given up, if nobody did; it stays open, and can be taken up again. */
export async function failWalk(
  db: Queryable,
  lease: SnapshotLease,
  { id, lease: number }: { id: number; lease: number | null },
  failure: string,
): Promise<void> {
  const t = stageTables(lease.stage);
  await db.query(
    `UPDATE ${t.walks} SET failure = coalesce(failure, $2)
     WHERE id = $1 AND state = 'open' AND lease <= coalesce($3, lease)`,
    [id, failure, number],
  );
}

/** Forgets why walks were given up: they are to be tried again. */
export async function clearFailures(db: Queryable, lease: SnapshotLease): Promise<void> {
  const t = stageTables(lease.stage);
  await db.query(`UPDATE ${t.walks} SET failure = NULL WHERE failure IS NOT NULL`);
}

/**
 * Starts a walk again from its first page, as a new attempt: its token was refused.
 *
 * @returns the walk as it now stands, and how many items it had read.
 */
export async function restartWalk(
  db: Queryable,
  lease: SnapshotLease,
  walk: Walk,
): Promise<{ walk: Walk; lostItems: number }> {
  const t = stageTables(lease.stage);
  const restarted = await db.query<Walk & { lostItems: number }>(
    `UPDATE ${t.walks} AS w SET attempt = w.attempt + 1, token = NULL, pages = 0, items = 0
     FROM (SELECT id, items FROM ${t.walks} WHERE id = $1 FOR UPDATE) AS old
     WHERE w.id = old.id AND w.attempt = $2 AND w.lease = $3 AND w.state = 'open'
     RETURNING ${WALK_COLUMNS}, old.items AS "lostItems"`,
    [walk.id, walk.attempt, walk.lease],
  );
  const row = restarted.rows[0];
  if (row === undefined) return lostWalk(db, lease, walk);
  const { lostItems, ...again } = row;
  return { walk: again, lostItems };
}

/** Replaces a walk by walks over the sixteen longer prefixes; what it read counts for nothing. */
export async function splitWalk(
  pool: pg.Pool,
  lease: SnapshotLease,
  walk: Walk,
  children: readonly PlannedWalk[],
): Promise<{ walks: Walk[]; lostItems: number }> {
  return transaction(pool, async (client) => {
    // One that puts a single chain in the place of all waits, and then sees the walks of the cut.
    await client.query(
      'SELECT FROM mirror.snapshot_leases WHERE pool_id = $1 AND snapshot_at = $2 FOR UPDATE',
      [lease.poolId, lease.snapshotAt],
    );
    const lostItems = await endWalk(client, lease, walk, 'split');
    return { walks: await addWalks(client, lease, children), lostItems };
  });
}

/**
 * Drops a walk over the members of a group that was deleted meanwhile.
 *
 * @returns how many items it had read.
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
    `UPDATE ${t.walks} SET state = $4, token = NULL
     WHERE id = $1 AND attempt = $2 AND lease = $3 AND state = 'open'
     RETURNING items`,
    [walk.id, walk.attempt, walk.lease, state],
  );
  return ended.rows[0]?.items ?? lostWalk(db, lease, walk);
}

/**
 * Supersedes all walks over users by one chain over all of them, as cutting was refused or lost
 * someone.
 *
 * @returns the one walk, or null where that was decided before.
 */
export async function replaceWithSingleChain(
  pool: pg.Pool,
  lease: SnapshotLease,
  expected: number | null,
): Promise<Walk | null> {
  const t = stageTables(lease.stage);
  return transaction(pool, async (client) => {
    // The run's row is locked by this: of walks that find the cut wrong at once, one decides.
    const decided = await client.query(
      `UPDATE mirror.snapshot_leases SET single_chain = true
       WHERE pool_id = $1 AND snapshot_at = $2 AND lease_number = $3 AND NOT single_chain`,
      [lease.poolId, lease.snapshotAt, lease.number],
    );
    if (rowCount(decided) === 0) return null;
    await client.query(
      `UPDATE directory.snapshots SET walked_at = NULL WHERE pool_id = $1 AND snapshot_at = $2`,
      [lease.poolId, lease.snapshotAt],
    );
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
 * Starts the walks over users again that have ended, as new attempts.
 *
 * @returns the walks as they now stand.
 */
export async function restartUserWalks(db: Queryable, lease: SnapshotLease): Promise<Walk[]> {
  const t = stageTables(lease.stage);
  await db.query(
    `UPDATE directory.snapshots SET walked_at = NULL WHERE pool_id = $1 AND snapshot_at = $2`,
    [lease.poolId, lease.snapshotAt],
  );
  const restarted = await db.query<Walk>(
    `UPDATE ${t.walks} AS w
     SET state = 'open', attempt = attempt + 1, token = NULL, pages = 0, items = 0
     WHERE kind = 'users' AND state = 'done' RETURNING ${WALK_COLUMNS}`,
  );
  return restarted.rows;
}

/** Notes that all users are read in one chain from the beginning. */
export async function markSingleChain(db: Queryable, lease: SnapshotLease): Promise<void> {
  await db.query(
    'UPDATE mirror.snapshot_leases SET single_chain = true WHERE pool_id = $1 AND snapshot_at = $2 AND lease_number = $3',
    [lease.poolId, lease.snapshotAt, lease.number],
  );
}

/** True where a walk was superseded while someone was still reading it: there is nothing to do. */
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

/** Says why a walk can no longer be written: its stage was emptied, or it was taken over. */
export async function lostWalk(db: Queryable, lease: SnapshotLease, walk: Walk): Promise<never> {
  await assertStageExists(db, lease);
  throw new LeaseLostError(
    `Walk ${walk.id} of the snapshot of ${lease.poolId} was taken over by another runner; this one stops.`,
  );
}

/**
 * Where a walk stands. `open` walks are still to be read; `done` ones ended on an absent token.
 * The others count for nothing: `split` into walks of longer prefixes, `dropped` with a group that
 * was deleted meanwhile, `superseded` by one serial walk.
 */
export type WalkState = 'open' | 'done' | 'split' | 'dropped' | 'superseded';

/** A walk to be made: what it reads, and how much that is expected to be. */
export interface PlannedWalk {
  readonly kind: WalkKind;
  /**
   * Of a walk over users: the prefix of `sub` that cuts its shard. '' is all users, to be cut where
   * they are many; null is all users in one chain, never to be cut.
   */
  readonly prefix: string | null;
  /** Of a walk over members: the group. */
  readonly groupName: string | null;
  /** Items expected; null where nothing is known. */
  readonly expected: number | null;
}

/** A walk and its checkpoint. */
export interface Walk extends PlannedWalk {
  readonly id: number;
  readonly state: WalkState;
  /** How often it was begun: rows of an earlier attempt are ignored. */
  readonly attempt: number;
  /** How often it was taken in hand: an earlier holder can commit nothing more. */
  readonly lease: number;
  /** The token of the next page; null at the start, and once the walk is done. */
  readonly token: string | null;
  readonly pages: number;
  readonly items: number;
  /** Why it was given up, where it was, until it is taken in hand again. */
  readonly failure: string | null;
}

/** The columns of a table of walks `AS w`, in the form of `Walk`. */
export const WALK_COLUMNS = `w.id, w.kind, w.prefix, w.group_name AS "groupName", w.expected,
  w.state, w.attempt, w.lease, w.token, w.pages, w.items, w.failure`;
