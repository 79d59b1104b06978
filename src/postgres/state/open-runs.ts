import type { Queryable } from '../connection.ts';

/** A snapshot that is walking or held, with the stage that it fills. */
export interface OpenRun {
  readonly poolId: string;
  readonly snapshot: string;
  readonly stage: number;
}

/** The snapshots that are not ended. */
export async function openRuns(db: Queryable): Promise<OpenRun[]> {
  const runs = await db.query<OpenRun>(
    `SELECT r.pool_id AS "poolId", s.snapshot, r.stage
     FROM mirror.runs AS r JOIN directory.snapshots AS s USING (pool_id, snapshot_at)
     WHERE s.state IN ('walking', 'held') ORDER BY r.pool_id`,
  );
  return runs.rows;
}
