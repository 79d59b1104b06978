import type { Queryable } from '../connection.ts';
import type { RowsByTable } from './erase-persons.ts';

/** An object that stays until its Object Lock ends. */
export interface WaitingObject {
  readonly key: string;
  /** In ISO 8601. Null: unknown, or a legal hold alone. */
  readonly until: string | null;
  readonly isHeld: boolean;
}

/** A part that was replaced. */
export interface ErasedObject {
  readonly old: { readonly key: string; readonly sha256: string };
  readonly new: { readonly key: string; readonly sha256: string };
  readonly rows: number;
}

/** The objects of a pool that erasures replaced, and that Object Lock keeps. */
export interface WaitingErasures {
  /** How many erasures wait. */
  readonly erasures: number;
  readonly objects: number;
  /** Those under a legal hold, which has no date. */
  readonly held: number;
  /** When the first retention ends; null: no date is known. */
  readonly firstUntil: Date | null;
  readonly lastUntil: Date | null;
}

export interface ErasedSnapshot {
  readonly snapshot: string;
  readonly revision: number;
  readonly parts: readonly ErasedObject[];
}

/** A row of `mirror.erasures`. */
export interface Erasure {
  readonly id: string;
  readonly poolId: string;
  readonly beganAt: Date;
  /** The keyed hash of the `sub` of each person. */
  readonly persons: readonly (string | null)[];
  readonly suppress: boolean;
  readonly reason: string | null;
  readonly database: RowsByTable;
  readonly archive: readonly ErasedSnapshot[];
  readonly waiting: readonly WaitingObject[];
  readonly erasedAt: Date | null;
  readonly receipt: string | null;
}

const COLUMNS = `id, pool_id AS "poolId", began_at AS "beganAt", persons, suppress, reason, database,
  archive, waiting, erased_at AS "erasedAt", receipt`;

export type NewErasure = Pick<Erasure, 'poolId' | 'persons' | 'suppress' | 'reason'> & {
  readonly destination: string;
};

/** Begins an erasure, or continues the one that a killed run began. */
export async function beginErasure(db: Queryable, erasure: NewErasure): Promise<Erasure> {
  const { poolId, destination, persons, suppress, reason } = erasure;
  const begun = await db.query<Erasure>(
    `INSERT INTO mirror.erasures (pool_id, destination, persons, suppress, reason)
     VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (pool_id) WHERE erased_at IS NULL DO UPDATE SET persons = excluded.persons,
       suppress = excluded.suppress, reason = excluded.reason, destination = excluded.destination
     RETURNING ${COLUMNS}`,
    [poolId, destination, JSON.stringify(persons), suppress, reason],
  );
  return begun.rows[0] as Erasure;
}

/** Records what became of one snapshot of the archive. */
export async function recordRevised(
  db: Queryable,
  id: string,
  revised: ErasedSnapshot | null,
  waiting: readonly WaitingObject[],
): Promise<void> {
  await db.query(
    'UPDATE mirror.erasures SET archive = archive || $2::jsonb, waiting = waiting || $3::jsonb WHERE id = $1',
    [id, JSON.stringify(revised === null ? [] : [revised]), JSON.stringify(waiting)],
  );
}

/** Records that the rows were deleted, in the transaction that did. */
export async function recordErased(db: Queryable, id: string, rows: RowsByTable): Promise<void> {
  await db.query(
    'UPDATE mirror.erasures SET database = $2, erased_at = clock_timestamp() WHERE id = $1',
    [id, JSON.stringify(rows)],
  );
}

export async function recordReceipt(db: Queryable, id: string, key: string): Promise<void> {
  await db.query('UPDATE mirror.erasures SET receipt = $2 WHERE id = $1', [id, key]);
}

/** Keeps what still waits. */
export async function recordWaiting(
  db: Queryable,
  id: string,
  waiting: readonly WaitingObject[],
): Promise<void> {
  await db.query('UPDATE mirror.erasures SET waiting = $2 WHERE id = $1', [
    id,
    JSON.stringify(waiting),
  ]);
}

/** The erasures of a pool at a destination that lack their receipt, or have objects that wait. */
export async function listOpenErasures(
  db: Queryable,
  poolId: string,
  destination: string,
): Promise<Erasure[]> {
  const found = await db.query<Erasure>(
    `SELECT ${COLUMNS} FROM mirror.erasures
     WHERE pool_id = $1 AND destination = $2 AND erased_at IS NOT NULL
       AND (receipt IS NULL OR waiting <> '[]') ORDER BY began_at`,
    [poolId, destination],
  );
  return found.rows;
}

/**
 * The SQL of `WaitingErasures` of each pool that has any, at every destination. An object that several
 * erasures wait for counts once.
 */
export const WAITING_ERASURES = `SELECT pool_id, count(DISTINCT id)::int AS erasures,
    count(DISTINCT (destination, key))::int AS objects,
    (count(DISTINCT (destination, key)) FILTER (WHERE "isHeld"))::int AS held,
    min("until") AS "firstUntil", max("until") AS "lastUntil"
  FROM mirror.erasures CROSS JOIN LATERAL
    jsonb_to_recordset(waiting) AS w (key text, "until" timestamptz, "isHeld" boolean)
  GROUP BY pool_id`;

/** What waits for Object Lock in these pools, or in all pools if `poolIds` is null. */
export async function readWaitingErasures(
  db: Queryable,
  poolIds: readonly string[] | null,
): Promise<Map<string, WaitingErasures>> {
  const found = await db.query<WaitingErasures & { readonly poolId: string }>(
    `SELECT pool_id AS "poolId", erasures, objects, held, "firstUntil", "lastUntil"
     FROM (${WAITING_ERASURES}) AS waiting WHERE $1::text[] IS NULL OR pool_id = ANY ($1)`,
    [poolIds],
  );
  return new Map(found.rows.map(({ poolId, ...row }) => [poolId, row]));
}

/** The ids of all erasures of a pool. */
export async function listErasureIds(db: Queryable, poolId: string): Promise<Set<string>> {
  const found = await db.query<{ id: string }>(
    'SELECT id FROM mirror.erasures WHERE pool_id = $1',
    [poolId],
  );
  return new Set(found.rows.map(({ id }) => id));
}

/** Records an erasure that a restored database lacks, by its receipt. */
export async function recordReapplied(
  db: Queryable,
  receipt: Pick<Erasure, 'id' | 'poolId' | 'persons' | 'suppress'>,
  destination: string,
  key: string,
): Promise<void> {
  const { id, poolId, persons, suppress } = receipt;
  await db.query(
    `INSERT INTO mirror.erasures (id, pool_id, destination, persons, suppress, erased_at, receipt)
     VALUES ($1, $2, $3, $4, $5, clock_timestamp(), $6) ON CONFLICT (id) DO NOTHING`,
    [id, poolId, destination, JSON.stringify(persons), suppress, key],
  );
}
