import { ResumableError } from '../model/errors.ts';
import { type Queryable, rowCount } from './connection.ts';
import type { Run } from './run.ts';
import { stageTables } from './stage-tables.ts';

/**
 * Requires that a stage still holds its walks. A crash of Postgres empties its UNLOGGED tables, all
 * of them together, and an empty stage would read as a mass removal.
 *
 * @throws ResumableError where it is empty: the walks start again.
 */
export async function requireStage(db: Queryable, run: Run): Promise<void> {
  const walks = await db.query(`SELECT FROM ${stageTables(run.stage).walks} LIMIT 1`);
  if (rowCount(walks) > 0) return;
  throw new ResumableError(
    `What the snapshot of ${run.poolId} had read is gone, as Postgres was restarted after a crash. ` +
      'Run it again; its walks start anew.',
  );
}
