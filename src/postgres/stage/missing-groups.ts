import type { Queryable } from '../connection.ts';
import type { Run } from '../run.ts';
import { stageTables } from '../stage-tables.ts';
import { WALK_COLUMNS, type Walk } from './walk.ts';

/** The walks over the members of groups that the service did not find. */
export async function missingGroups(db: Queryable, run: Run): Promise<Walk[]> {
  const t = stageTables(run.stage);
  const found = await db.query<Walk>(
    `SELECT ${WALK_COLUMNS} FROM ${t.walks} AS w
     WHERE w.kind = 'members' AND w.state = 'dropped' ORDER BY w.id`,
  );
  return found.rows;
}

/** Opens such walks again, as new attempts, and returns them as they stand. */
export async function reopenWalks(
  db: Queryable,
  run: Run,
  ids: readonly number[],
): Promise<Walk[]> {
  const t = stageTables(run.stage);
  await db.query(
    `UPDATE directory.snapshots SET walked_at = NULL WHERE pool_id = $1 AND snapshot_at = $2`,
    [run.poolId, run.snapshotAt],
  );
  const opened = await db.query<Walk>(
    `UPDATE ${t.walks} AS w SET state = 'open', attempt = w.attempt + 1, pages = 0, items = 0
     WHERE w.id = ANY ($1) AND w.state = 'dropped' RETURNING ${WALK_COLUMNS}`,
    [ids],
  );
  return opened.rows;
}
