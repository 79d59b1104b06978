import { type Queryable, rowCount } from '../connection.ts';
import { recordNotification } from '../store/notifications.ts';

/** A pool and the URL of the destination of its archive. */
export interface ArchivePlace {
  readonly poolId: string;
  readonly destination: string;
}

/** How far the archive of a pool is verified. */
export interface Verified {
  /** The subset that was verified last, from 1; null before the first. */
  readonly subset: number | null;
  /** When the last verification of each subset began; null for one that is still to come. */
  readonly beganAt: readonly (Date | null)[];
  /** Every object that was archived before this time was read after it; null: not all were. */
  readonly coveredSince: Date | null;
  /** When the last verification ended; null before the first. */
  readonly endedAt: Date | null;
  /** The objects with findings, at most as many as were recorded. */
  readonly foundKeys: readonly string[];
}

/** The state of a verification before it begins. */
export interface VerificationTurn extends Verified {
  /** The time zone of the pool's schedule. */
  readonly timezone: string;
  readonly isDue: boolean;
}

/** What a verification adds to the record. */
export interface NewlyVerified extends Verified {
  readonly dueAt: Date;
  /** How many findings of each code. */
  readonly findings: Readonly<Record<string, number>>;
}

/** What `status` shows of the verification of a pool's archive. */
export interface VerificationRow extends Pick<Verified, 'subset' | 'coveredSince' | 'endedAt'> {
  /** How many subsets there are; 0 before the first ended. */
  readonly subsets: number;
  readonly findings: Readonly<Record<string, number>>;
  /** When the next subset is verified. */
  readonly dueAt: Date;
  /** Why the last attempt failed; null if it did not. It quotes no row. */
  readonly problem: string | null;
}

const IS_DUE = '(v.due_at IS NULL OR v.due_at <= clock_timestamp())';
const COLUMNS = `v.subset, v.covered_since AS "coveredSince", v.ended_at AS "endedAt"`;

/** Those of the pools that have an archive there whose verification is due. */
export async function listDueVerifications(
  db: Queryable,
  places: readonly ArchivePlace[],
): Promise<string[]> {
  const found = await db.query<{ poolId: string }>(
    `SELECT pool_id AS "poolId"
     FROM unnest($1::text[], $2::text[]) AS a (pool_id, destination)
       LEFT JOIN mirror.verifications AS v USING (pool_id, destination)
     WHERE ${IS_DUE} AND EXISTS (
       SELECT FROM directory.snapshots AS s JOIN mirror.runs AS r USING (pool_id, snapshot_at)
       WHERE s.pool_id = a.pool_id AND s.state = 'archived' AND r.destination = a.destination
     )`,
    [places.map(({ poolId }) => poolId), places.map(({ destination }) => destination)],
  );
  return found.rows.map(({ poolId }) => poolId);
}

/** How far the archive of a scheduled pool is verified; null if the pool has no schedule. */
export async function findVerificationTurn(
  db: Queryable,
  { poolId, destination }: ArchivePlace,
): Promise<VerificationTurn | null> {
  const found = await db.query<VerificationTurn>(
    `SELECT s.timezone, ${IS_DUE} AS "isDue", ${COLUMNS},
       coalesce(v.began_at, '{}') AS "beganAt", coalesce(v.found_keys, '{}') AS "foundKeys"
     FROM mirror.schedules AS s
       LEFT JOIN mirror.verifications AS v ON v.pool_id = s.pool_id AND v.destination = $2
     WHERE s.pool_id = $1`,
    [poolId, destination],
  );
  return found.rows[0] ?? null;
}

/**
 * Records a verification that was completed, unless another one was since `before` ended. With findings,
 * it also notifies.
 *
 * @param db a transaction.
 * @param before the state that it started from.
 */
export async function recordVerified(
  db: Queryable,
  { poolId, destination }: ArchivePlace,
  before: Verified,
  verified: NewlyVerified,
): Promise<void> {
  const { dueAt, subset, beganAt, coveredSince, endedAt, findings, foundKeys } = verified;
  const recorded = await db.query(
    `INSERT INTO mirror.verifications AS v (pool_id, destination, due_at, subset, began_at,
       covered_since, ended_at, findings, found_keys)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     ON CONFLICT (pool_id, destination) DO UPDATE SET due_at = excluded.due_at,
       subset = excluded.subset, began_at = excluded.began_at,
       covered_since = excluded.covered_since, ended_at = excluded.ended_at,
       findings = excluded.findings, found_keys = excluded.found_keys, problem = NULL
     WHERE v.ended_at IS NOT DISTINCT FROM $10`,
    [
      poolId,
      destination,
      dueAt,
      subset,
      beganAt,
      coveredSince,
      endedAt,
      findings,
      foundKeys,
      before.endedAt,
    ],
  );
  if (rowCount(recorded) === 0 || Object.keys(findings).length === 0) return;
  await recordNotification(db, { type: 'archive.verification-failed', poolId, findings });
}

/** Records why an attempt to verify failed. The next one is due after some minutes. */
export async function recordUnverified(
  db: Queryable,
  { poolId, destination }: ArchivePlace,
  problem: string,
  minutes: number,
): Promise<void> {
  await db.query(
    `INSERT INTO mirror.verifications (pool_id, destination, due_at, problem)
     VALUES ($1, $2, clock_timestamp() + make_interval(mins => $4), $3)
     ON CONFLICT (pool_id, destination)
     DO UPDATE SET due_at = excluded.due_at, problem = excluded.problem`,
    [poolId, destination, problem, minutes],
  );
}

/** Records that workers verify nothing. What was verified stays known. */
export async function stopVerifications(db: Queryable): Promise<void> {
  await db.query('UPDATE mirror.verifications SET due_at = NULL WHERE due_at IS NOT NULL');
}

/** The verifications of the current archives of these pools, or of all if `poolIds` is null. */
export async function readVerificationRows(
  db: Queryable,
  poolIds: readonly string[] | null,
): Promise<Map<string, VerificationRow>> {
  const found = await db.query<VerificationRow & { readonly poolId: string }>(
    `SELECT v.pool_id AS "poolId", ${COLUMNS}, cardinality(v.began_at) AS subsets, v.findings,
       v.due_at AS "dueAt", v.problem
     FROM mirror.verifications AS v
     WHERE v.due_at IS NOT NULL AND ($1::text[] IS NULL OR v.pool_id = ANY ($1))
       AND v.destination = (
         SELECT r.destination
         FROM directory.snapshots AS s JOIN mirror.runs AS r USING (pool_id, snapshot_at)
         WHERE s.pool_id = v.pool_id AND s.state = 'archived'
         ORDER BY s.snapshot_at DESC LIMIT 1
       )`,
    [poolIds],
  );
  return new Map(found.rows.map(({ poolId, ...row }) => [poolId, row]));
}
