import type pg from 'pg';
import type { Cognito } from '../cognito/client.ts';
import { SnapshotFailedError } from '../model/errors.ts';
import type { Pool } from '../model/pool.ts';
import { withoutRows } from '../postgres/database-error.ts';
import type { Run } from '../postgres/run.ts';
import { createStage } from '../postgres/stage/create.ts';
import { dropEndedStages } from '../postgres/stage/drop.ts';
import { PageCommitter } from '../postgres/stage/page-committer.ts';
import { beginSnapshot } from '../postgres/state/begin.ts';
import { endSnapshot, noteReason } from '../postgres/state/transitions.ts';
import { check } from '../snapshot/check.ts';
import type { SnapshotContext } from '../snapshot/context.ts';
import { plan } from '../snapshot/plan.ts';
import { publish } from '../snapshot/publish.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { SnapshotProgress } from '../telemetry/snapshot-progress.ts';
import { countCalls } from './count-calls.ts';
import { runWalks } from './run-walks.ts';

/** What taking one pool's snapshot needs. */
export interface SnapshotTask {
  readonly db: pg.Pool;
  readonly cognito: Cognito;
  readonly pool: Pool;
  readonly progress: SnapshotProgress;
  readonly log: Logger;
  /** Walks in hand at a time. */
  readonly sideBySide: number;
  /** The guard's share, 0 to 1. */
  readonly maxRemoved: number;
  readonly historyDays: number | null;
}

/**
 * Takes a pool's snapshot, or takes up its unfinished one, through plan, walk, check and publish.
 *
 * @returns when it began; the row in Postgres tells whether it was published or held.
 * @throws SnapshotFailedError where it cannot be completed; any other error keeps it for a resume.
 */
export async function takeSnapshot(task: SnapshotTask, signal: AbortSignal): Promise<Date> {
  const { db, cognito, pool, progress, log } = task;
  const { run, resumed } = await beginSnapshot(db, pool.poolId, createStage);
  await dropEndedStages(db);
  Object.assign(progress, { key: run, resumed });
  const said = resumed ? 'snapshot resumed' : 'snapshot begun';
  log.info({ poolId: run.poolId, snapshotAt: run.snapshotAt }, said);
  const context: SnapshotContext = {
    db,
    cognito,
    pool,
    run,
    committer: new PageCommitter(db, run),
    progress,
    log,
  };
  const stopCounting = countCalls(db, run, progress.meter, log);
  try {
    await completeSnapshot(context, task, signal);
  } catch (error) {
    await noteFailure(context, withoutRows(error as Error));
    throw error;
  } finally {
    await stopCounting();
  }
  return run.snapshotAt;
}

async function completeSnapshot(
  context: SnapshotContext,
  task: SnapshotTask,
  signal: AbortSignal,
): Promise<void> {
  const { db, run, progress } = context;
  await noteReason(db, run, null);
  let walks = await plan(context);
  for (;;) {
    progress.phase = 'walk';
    await runWalks(context, walks, task.sideBySide, signal);
    const verdict = await check(context, task.maxRemoved, signal);
    if (verdict.kind === 'walk') {
      walks = verdict.walks;
    } else if (verdict.kind === 'hold') {
      return endSnapshot(db, run, ['walking'], 'held', verdict.reason);
    } else {
      return publish(context, 'walking', task.historyDays, signal);
    }
  }
}

/** Leaves word in the snapshot's row; where Postgres itself is the trouble, that cannot be done. */
async function noteFailure({ db, run }: { db: pg.Pool; run: Run }, error: Error): Promise<void> {
  const noted =
    error instanceof SnapshotFailedError
      ? endSnapshot(db, run, ['walking'], 'failed', error.message)
      : noteReason(db, run, error.message);
  await noted.catch(() => {});
}
