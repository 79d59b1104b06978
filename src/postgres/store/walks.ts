import type pg from 'pg';
import { LeaseLostError } from '../../model/errors.ts';
import { WALK_KINDS, type WalkKind } from '../../model/snapshot.ts';
import type { Queryable } from '../connection.ts';
import { type SnapshotLease, withLease } from './leases.ts';
import { assertStageExists, readStageRows, stageTables } from './stage.ts';
import { READING_STATES } from './states.ts';

/**
 * The state of a walk. `open` walks still have pages to read, and `done` walks ended on an absent token.
 * Rows of the others are ignored: `split` into longer prefixes, `dropped` because the group was deleted,
 * or `superseded` by a single chain.
 */
type WalkState = 'open' | 'done' | 'split' | 'dropped' | 'superseded';

/** A walk to add. */
export interface PlannedWalk {
  readonly kind: WalkKind;
  /**
   * For a walk over users: the prefix of `sub` of its shard. '' means all users, and can be split. null
   * means all users in a single chain, and is never split.
   */
  readonly prefix: string | null;
  /** For a walk over members: the group. */
  readonly groupName: string | null;
  /** Items expected; null if unknown. */
  readonly expected: number | null;
}

/** A walk and its checkpoint. */
export interface Walk extends PlannedWalk {
  readonly id: number;
  readonly state: WalkState;
  /** How many times it started from its first page. Rows of earlier attempts are ignored. */
  readonly attempt: number;
  /** The number of its lease. A holder with a lower number cannot commit pages. */
  readonly lease: number;
  /** The token of the next page; null at the start, and after the last page. */
  readonly token: string | null;
  readonly pages: number;
  readonly items: number;
  /** Why its last holder stopped reading it; null after a new lease. */
  readonly failure: string | null;
}

/** The columns of a table of walks `AS w`, with the names of `Walk`. */
export const WALK_COLUMNS = `w.id, w.kind, w.prefix, w.group_name AS "groupName", w.expected,
  w.state, w.attempt, w.lease, w.token, w.pages, w.items, w.failure`;

/** Orders rows by the `kind` of their walks, as `WALK_KINDS` does. */
export const KIND_ORDER = `array_position(ARRAY['${WALK_KINDS.join("', '")}'], kind)`;

/** A token is valid for an hour after its page. An older token than this is not used any more. */
const TOKEN_LIFE = '50 minutes';

/** Records in a walk `w` that its holder read it until now, as an assignment. */
export const LEAVES = 'left_at[greatest(cardinality(w.taken_at), 1)] = clock_timestamp()';

/** Records in a walk `w` that it starts again, as an assignment. */
export const STARTS_AGAIN = 'restarted_at = w.restarted_at || clock_timestamp()';

/** The most leases of a walk that are recorded one by one: later ones prolong the last. */
const MOST_SPANS = 40;

/** Adds walks to a stage. */
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

/** All walks of a stage. Empty if the stage is new or dropped, or a crash of Postgres emptied it. */
export async function listWalks(db: Queryable, lease: SnapshotLease): Promise<Walk[]> {
  const t = stageTables(lease.stage);
  return readStageRows(db.query<Walk>(`SELECT ${WALK_COLUMNS} FROM ${t.walks} AS w ORDER BY w.id`));
}

/** Some walks of a stage by id. Empty if the stage was dropped. */
export async function findWalks(
  db: Queryable,
  lease: SnapshotLease,
  ids: readonly number[],
): Promise<Walk[]> {
  const t = stageTables(lease.stage);
  return readStageRows(
    db.query<Walk>(`SELECT ${WALK_COLUMNS} FROM ${t.walks} AS w WHERE w.id = ANY ($1)`, [ids]),
  );
}

/**
 * Takes the lease of a walk, so that its previous holder cannot commit any more pages. If its token is
 * too old, the walk starts again as a new attempt.
 *
 * @returns the walk with its new lease, or null if it is not open.
 * @throws LeaseLostError if another runner has the snapshot.
 */
export async function leaseWalk(
  pool: pg.Pool,
  lease: SnapshotLease,
  id: number,
): Promise<Walk | null> {
  const t = stageTables(lease.stage);
  return withLease(pool, lease, READING_STATES, async (client) => {
    const leased = await client.query<Walk>(
      `UPDATE ${t.walks} AS w SET
         lease = w.lease + 1,
         failure = NULL,
         taken_at = CASE WHEN cardinality(w.taken_at) < ${MOST_SPANS}
           THEN w.taken_at || clock_timestamp() ELSE w.taken_at END,
         restarted_at = CASE WHEN c.stale
           THEN w.restarted_at || clock_timestamp() ELSE w.restarted_at END,
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
    return leased.rows[0] ?? null;
  });
}

/** Records why a walk stopped, unless a reason is recorded. It stays open and can be resumed. */
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

/** Clears why walks stopped, before they are read again. */
export async function clearFailures(db: Queryable, lease: SnapshotLease): Promise<void> {
  const t = stageTables(lease.stage);
  await db.query(`UPDATE ${t.walks} SET failure = NULL WHERE failure IS NOT NULL`);
}

/** Throws why a page or a change of a walk was not written: the stage is empty, or the lease is lost. */
export async function failLostWalk(
  db: Queryable,
  lease: SnapshotLease,
  walk: Walk,
): Promise<never> {
  await assertStageExists(db, lease);
  throw new LeaseLostError(
    `Another runner took walk ${walk.id} of the snapshot of ${lease.poolId}; this one stops.`,
  );
}
