import type { SnapshotState } from '../../model/snapshot.ts';
import type { Queryable } from '../connection.ts';
import { RUN_COLUMNS, type Run } from '../run.ts';

/**
 * Takes a snapshot in hand, if it is in this state: whoever had it before can write nothing more.
 *
 * @param snapshotAt which; the pool's only one in this state where it is left out.
 * @returns the run, or null where there is no such snapshot.
 */
export async function takeRun(
  db: Queryable,
  poolId: string,
  state: SnapshotState,
  snapshotAt: Date | null = null,
): Promise<Run | null> {
  const taken = await db.query<Run>(
    `UPDATE mirror.runs AS r SET fence = r.fence + 1
     FROM directory.snapshots AS s
     WHERE s.pool_id = r.pool_id AND s.snapshot_at = r.snapshot_at
       AND r.pool_id = $1 AND s.state = $2 AND r.snapshot_at = coalesce($3, r.snapshot_at)
     RETURNING ${RUN_COLUMNS}`,
    [poolId, state, snapshotAt],
  );
  return taken.rows[0] ?? null;
}

/**
 * Joins the runner that has a walking snapshot in hand, for a part of its work.
 *
 * @param fence which taking-up of the snapshot.
 * @returns the run, or null where it was taken up again since, or has ended.
 */
export async function joinRun(
  db: Queryable,
  poolId: string,
  snapshotAt: Date,
  fence: number,
): Promise<Run | null> {
  const joined = await db.query<Run>(
    `SELECT ${RUN_COLUMNS} FROM mirror.runs AS r
     JOIN directory.snapshots AS s USING (pool_id, snapshot_at)
     WHERE r.pool_id = $1 AND r.snapshot_at = $2 AND r.fence = $3 AND s.state = 'walking'`,
    [poolId, snapshotAt, fence],
  );
  return joined.rows[0] ?? null;
}
