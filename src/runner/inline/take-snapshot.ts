import type pg from 'pg';
import type { Cognito } from '../../cognito/client.ts';
import type { Pool } from '../../model/directory.ts';
import { withoutRows } from '../../postgres/database-error.ts';
import { PageCommitter } from '../../postgres/store/page-committer.ts';
import { recordReason } from '../../postgres/store/snapshot-notes.ts';
import type { Walk } from '../../postgres/store/walks.ts';
import type { SnapshotContext } from '../../snapshot/context.ts';
import { planWalks } from '../../snapshot/plan-walks.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { SnapshotProgress } from '../../telemetry/snapshot-progress.ts';
import { beginOrResume } from '../begin-snapshot.ts';
import { type ConclusionSettings, checkAndPublish } from '../conclude.ts';
import { countCalls } from '../count-calls.ts';
import { recordFailure } from '../outcome.ts';
import { runWalks } from './run-walks.ts';

/** What taking one pool's snapshot needs. */
export interface SnapshotTask extends ConclusionSettings {
  readonly db: pg.Pool;
  readonly cognito: Cognito;
  readonly pool: Pool;
  readonly progress: SnapshotProgress;
  readonly log: Logger;
  /** Walks in hand at a time. */
  readonly sideBySide: number;
}

/**
 * Takes a pool's snapshot, or takes up its unfinished one, through plan, walk, check and publish.
 *
 * @returns when it began; the row in Postgres tells whether it was published or held.
 * @throws SnapshotFailedError where it cannot be completed; any other error keeps it for a resume.
 */
export async function takeSnapshot(task: SnapshotTask, signal: AbortSignal): Promise<Date> {
  const { db, cognito, pool, progress, log } = task;
  const { lease, resumed } = await beginOrResume(db, pool.poolId, log);
  Object.assign(progress, { key: lease, resumed });
  const context: SnapshotContext = {
    db,
    cognito,
    pool,
    lease,
    committer: new PageCommitter(db, lease),
    progress,
    log,
  };
  const stopCounting = countCalls(db, lease, progress.meter, log);
  try {
    await completeSnapshot(context, task, signal);
  } catch (error) {
    await recordFailure(db, lease, withoutRows(error as Error));
    throw error;
  } finally {
    await stopCounting();
  }
  return lease.snapshotAt;
}

async function completeSnapshot(
  context: SnapshotContext,
  task: SnapshotTask,
  signal: AbortSignal,
): Promise<void> {
  const { db, lease, progress } = context;
  await recordReason(db, lease, null);
  let walks: readonly Walk[] = await planWalks(context);
  do {
    progress.phase = 'walk';
    await runWalks(context, walks, task.sideBySide, signal);
    walks = await checkAndPublish(context, task, signal);
  } while (walks.length > 0);
}
