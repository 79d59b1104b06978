import { type ArchiveHead, type Outcome, parseSnapshotId } from '../../model/snapshot.ts';
import type { Queryable } from '../connection.ts';
import { selectHead } from './archive-head.ts';
import { recordNotifications } from './notifications.ts';
import { selectPoolsOf, UNLISTED_POOLS } from './pools.ts';
import { PUBLISHED_STATES } from './states.ts';

/** The newest snapshot that readers see. */
interface NewestSnapshot {
  readonly snapshot: string;
  readonly snapshotAt: Date;
  readonly state: 'published' | 'archived';
  /** Seconds since it started, or since it was published if that is earlier, by Postgres's clock. */
  readonly ageSeconds: number;
}

/** The state of a pool's mirror. */
export interface PoolRow {
  readonly poolId: string;
  /** Null before the first published snapshot. */
  readonly newest: NewestSnapshot | null;
  /** The newest archive that this database recorded, and how many it recorded there; null without. */
  readonly head: ArchiveHead | null;
  /** True if COGNITO_POOLS=all listed it before and no longer does: it was probably deleted. */
  readonly vanished: boolean;
  /** True if a person said that it is mirrored no more: nothing expects a snapshot of it. */
  readonly retired: boolean;
  /** Null before the first attempt. */
  readonly lastAttempt: Attempt | null;
}

/** The known pools by id: those that were mirrored, attempted, scheduled or requested. */
export async function readPoolRows(
  db: Queryable,
  poolIds: readonly string[] | null,
): Promise<PoolRow[]> {
  const found = await db.query<PoolColumns>(
    `WITH known AS (
       SELECT pool_id FROM directory.pools UNION ${selectPoolsOf('directory.snapshots')}
       UNION SELECT pool_id FROM mirror.schedules UNION ${selectPoolsOf('mirror.requests')}
       UNION SELECT pool_id FROM mirror.attempts
     )
     SELECT pool_id AS "poolId", s.snapshot, s.snapshot_at AS "snapshotAt", s.state,
       extract(epoch FROM clock_timestamp() - s.taken_at)::double precision AS "ageSeconds",
       coalesce(p.vanished_at IS NOT NULL, false) OR known.pool_id IN (${UNLISTED_POOLS}) AS vanished,
       coalesce(p.retired_at IS NOT NULL, false) AS retired,
       h.head,
       a.ended_at AS "endedAt", a.outcome, a.snapshot_at AS "attemptedAt", a.reason
     FROM known
       LEFT JOIN mirror.pools AS p USING (pool_id)
       LEFT JOIN mirror.attempts AS a USING (pool_id)
       LEFT JOIN LATERAL (
         SELECT snapshot, snapshot_at, state, least(snapshot_at, published_at) AS taken_at FROM directory.snapshots AS each
         WHERE each.pool_id = known.pool_id AND state IN ${PUBLISHED_STATES}
         ORDER BY snapshot_at DESC LIMIT 1
       ) AS s ON true
       LEFT JOIN LATERAL (${selectHead('known.pool_id')}) AS h ON true
     WHERE $1::text[] IS NULL OR pool_id = ANY ($1) ORDER BY pool_id`,
    [poolIds],
  );
  return found.rows.map(
    ({ poolId, head, vanished, retired, attemptedAt, endedAt, outcome, reason, ...newest }) => ({
      poolId,
      head,
      vanished,
      retired,
      newest: newest.snapshot === null ? null : (newest as NewestSnapshot),
      lastAttempt: endedAt && { endedAt, outcome, snapshotAt: attemptedAt, reason },
    }),
  );
}

type Nullable<T> = { [Key in keyof T]: T[Key] | null };

interface PoolColumns extends Nullable<NewestSnapshot> {
  readonly poolId: string;
  readonly head: ArchiveHead | null;
  readonly vanished: boolean;
  readonly retired: boolean;
  readonly endedAt: Date | null;
  readonly outcome: Attempt['outcome'];
  readonly attemptedAt: Date | null;
  readonly reason: string | null;
}

/** The last attempt to mirror a pool. */
export interface Attempt {
  readonly endedAt: Date;
  readonly outcome: Outcome;
  /** The snapshot that it worked on; null if it started none. */
  readonly snapshotAt: Date | null;
  /** Why it did not succeed; null if it did. It quotes no row. */
  readonly reason: string | null;
}

/**
 * Records how the last attempt to mirror a pool ended. `endRequest` does this for requests of workers.
 *
 * @param snapshot the id of the snapshot that it worked on, or null.
 */
export async function saveAttempt(
  db: Queryable,
  poolId: string,
  { outcome, snapshot, reason }: Pick<Attempt, 'outcome' | 'reason'> & { snapshot: string | null },
): Promise<void> {
  const at = snapshot === null ? null : parseSnapshotId(snapshot);
  await db.query(`WITH ${recordAttempts('VALUES ($1, $2, $3::timestamptz, $4)')} SELECT`, [
    poolId,
    outcome,
    at,
    reason,
  ]);
}

/**
 * The parts of a WITH clause that record attempts, each in place of the previous one of its pool, and
 * notify of those that failed. The transition to `failed` has notified of its snapshot already.
 *
 * @param source SQL that gives their pool_id, outcome, snapshot_at and reason.
 */
export function recordAttempts(source: string): string {
  return `attempted AS (
      INSERT INTO mirror.attempts (pool_id, outcome, snapshot_at, reason) ${source}
      ON CONFLICT (pool_id) DO UPDATE SET ended_at = clock_timestamp(),
        outcome = excluded.outcome, snapshot_at = excluded.snapshot_at, reason = excluded.reason
      RETURNING *
    ),
    notified AS (
      ${recordNotifications(`
        SELECT 'snapshot.failed' AS type, a.pool_id, a.snapshot_at, a.reason, NULL::json AS findings
        FROM attempted AS a LEFT JOIN directory.snapshots AS own USING (pool_id, snapshot_at)
        WHERE a.outcome = 'failed' AND own.state IS DISTINCT FROM 'failed'`)}
    )`;
}
