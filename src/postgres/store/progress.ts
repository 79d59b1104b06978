import type { WalkKind } from '../../model/snapshot.ts';
import type { Queryable } from '../connection.ts';
import type { SnapshotLease } from './leases.ts';
import { readStageRows, stageTables } from './stage.ts';
import { KIND_ORDER } from './walks.ts';

/** The phases of a run that are recorded. */
export type RunPhase = 'walk' | 'check' | 'mfa' | 'publish' | 'archive';

/** The progress of the last run of a pool. */
export interface RunProgress {
  readonly poolId: string;
  readonly snapshotAt: Date;
  readonly beganAt: Date;
  /** Items that earlier runs of the snapshot read. */
  readonly itemsBefore: number;
  readonly phase: RunPhase;
  /** How many of `total` are done: users confirmed or asked for, or rows archived. Null if the phase is not counted. */
  readonly done: number | null;
  readonly total: number | null;
  readonly notedAt: Date;
}

/** Records that a run starts or resumes reading a snapshot. */
export async function beginProgress(db: Queryable, lease: SnapshotLease): Promise<void> {
  const { walks } = stageTables(lease.stage);
  await db.query(
    `INSERT INTO mirror.progress (pool_id, snapshot_at, phase, items_before)
     SELECT $1, $2, 'walk', coalesce(sum(items), 0) FROM ${walks} WHERE state IN ('open', 'done')
     ON CONFLICT (pool_id) DO UPDATE SET snapshot_at = excluded.snapshot_at,
       began_at = clock_timestamp(), items_before = excluded.items_before, phase = excluded.phase,
       done = NULL, total = NULL, noted_at = clock_timestamp()`,
    [lease.poolId, lease.snapshotAt],
  );
}

/** Records the current phase of a run, if its lease is still valid. */
export async function saveProgress(
  db: Queryable,
  lease: SnapshotLease,
  phase: RunPhase,
  counts: { readonly done: number; readonly total: number } | null,
): Promise<void> {
  await db.query(
    `INSERT INTO mirror.progress (pool_id, snapshot_at, phase, done, total)
     SELECT pool_id, snapshot_at, $4, $5, $6 FROM mirror.runs
     WHERE pool_id = $1 AND snapshot_at = $2 AND lease_number = $3
     ON CONFLICT (pool_id) DO UPDATE SET snapshot_at = excluded.snapshot_at,
       phase = excluded.phase, done = excluded.done, total = excluded.total,
       noted_at = clock_timestamp()`,
    [
      lease.poolId,
      lease.snapshotAt,
      lease.number,
      phase,
      counts?.done ?? null,
      counts?.total ?? null,
    ],
  );
}

/** The progress of the last run of each pool. */
export async function readProgressRows(db: Queryable): Promise<RunProgress[]> {
  const found = await db.query<RunProgress>(
    `SELECT pool_id AS "poolId", snapshot_at AS "snapshotAt", began_at AS "beganAt",
       items_before AS "itemsBefore", phase, done, total, noted_at AS "notedAt"
     FROM mirror.progress`,
  );
  return found.rows;
}

/** The progress of the walks of one kind, from their checkpoints. */
export interface KindProgress {
  readonly kind: WalkKind;
  readonly walks: number;
  readonly walksDone: number;
  /** Open walks that have read a page. */
  readonly walksInProgress: number;
  readonly items: number;
  /**
   * Items expected in total. A walk of unknown size counts as the average of the others. Null if all sizes
   * are unknown, or if more was read and walks are still open.
   */
  readonly expected: number | null;
  /** When the last page was requested; null before the first. */
  readonly readAt: Date | null;
}

/** The progress of one walk. It has no group name, because those can be personal. */
export interface WalkProgress {
  readonly id: number;
  readonly kind: WalkKind;
  /** For a walk over users: the prefix of `sub` of its shard. '' and null mean all users. */
  readonly prefix: string | null;
  readonly attempt: number;
  readonly pages: number;
  readonly items: number;
  /** Items expected; null if unknown. */
  readonly expected: number | null;
  /** When its last page was requested. */
  readonly readAt: Date;
}

/** The progress of the walks of a stage by kind. Empty if the stage was dropped. */
export function readStageProgress(db: Queryable, stage: number): Promise<KindProgress[]> {
  const { walks } = stageTables(stage);
  return readStageRows(
    db.query<KindProgress>(
      `SELECT kind, walks, "walksDone", "walksInProgress", items,
         CASE WHEN about > items OR walks = "walksDone" THEN about END AS expected, "readAt"
       FROM (
         SELECT kind, count(*) AS walks, count(*) FILTER (WHERE state = 'done') AS "walksDone",
           count(*) FILTER (WHERE state = 'open' AND pages > 0) AS "walksInProgress",
           sum(items)::bigint AS items,
           ceil(sum(size) + avg(size) * count(*) FILTER (WHERE size IS NULL))::bigint AS about,
           max(token_at) AS "readAt"
         FROM ${walks} CROSS JOIN LATERAL (
           SELECT CASE
             WHEN state = 'done' THEN items
             WHEN expected IS NOT NULL THEN greatest(expected, items)
           END AS size
         ) AS known
         WHERE state IN ('open', 'done')
         GROUP BY kind
       ) AS kinds
       ORDER BY ${KIND_ORDER}`,
    ),
  );
}

/**
 * The walks of a stage that are in progress, at most `limit`, those with most items left first. Empty if
 * the stage was dropped.
 */
export function listWalksInProgress(
  db: Queryable,
  stage: number,
  limit: number,
): Promise<WalkProgress[]> {
  const { walks } = stageTables(stage);
  return readStageRows(
    db.query<WalkProgress>(
      `SELECT id, kind, prefix, attempt, pages, items, expected, token_at AS "readAt"
       FROM ${walks} WHERE state = 'open' AND pages > 0
       ORDER BY greatest(expected - items, 0) DESC, items DESC, id LIMIT $1`,
      [limit],
    ),
  );
}
