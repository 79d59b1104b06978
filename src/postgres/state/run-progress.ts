import type { Queryable } from '../connection.ts';
import type { Run } from '../run.ts';
import { stageTables } from '../stage-tables.ts';

/** The steps of a run that are shown. */
export type RunPhase = 'walk' | 'check' | 'publish' | 'archive';

/** How far the last run of a pool is. */
export interface RunProgress {
  readonly poolId: string;
  readonly snapshotAt: Date;
  readonly beganAt: Date;
  /** Items that earlier runs of the snapshot had read. */
  readonly itemsBefore: number;
  readonly phase: RunPhase;
  /** How many of `total` are done: users confirmed, rows archived; null where it is not counted. */
  readonly done: number | null;
  readonly total: number | null;
  readonly notedAt: Date;
}

/** Records that a run begins, or resumes, to read a snapshot. */
export async function beginProgress(db: Queryable, run: Run): Promise<void> {
  const { walks } = stageTables(run.stage);
  await db.query(
    `INSERT INTO mirror.progress (pool_id, snapshot_at, phase, items_before)
     SELECT $1, $2, 'walk', coalesce(sum(items), 0) FROM ${walks} WHERE state IN ('open', 'done')
     ON CONFLICT (pool_id) DO UPDATE SET snapshot_at = excluded.snapshot_at,
       began_at = clock_timestamp(), items_before = excluded.items_before, phase = excluded.phase,
       done = NULL, total = NULL, noted_at = clock_timestamp()`,
    [run.poolId, run.snapshotAt],
  );
}

/** Records the step that a run is at, while it has the snapshot. */
export async function saveProgress(
  db: Queryable,
  run: Run,
  phase: RunPhase,
  counts: { readonly done: number; readonly total: number } | null,
): Promise<void> {
  await db.query(
    `INSERT INTO mirror.progress (pool_id, snapshot_at, phase, done, total)
     SELECT pool_id, snapshot_at, $4, $5, $6 FROM mirror.runs
     WHERE pool_id = $1 AND snapshot_at = $2 AND fence = $3
     ON CONFLICT (pool_id) DO UPDATE SET snapshot_at = excluded.snapshot_at,
       phase = excluded.phase, done = excluded.done, total = excluded.total,
       noted_at = clock_timestamp()`,
    [run.poolId, run.snapshotAt, run.fence, phase, counts?.done ?? null, counts?.total ?? null],
  );
}

/** How far the last run of each pool is. */
export async function progressRows(db: Queryable): Promise<RunProgress[]> {
  const found = await db.query<RunProgress>(
    `SELECT pool_id AS "poolId", snapshot_at AS "snapshotAt", began_at AS "beganAt",
       items_before AS "itemsBefore", phase, done, total, noted_at AS "notedAt"
     FROM mirror.progress`,
  );
  return found.rows;
}
