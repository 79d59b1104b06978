import { type Job, UnrecoverableError } from 'bullmq';
import { FencedError, SnapshotFailedError } from '../../model/errors.ts';
import { allWalks, failWalk } from '../../postgres/stage/walks.ts';
import { noteReason } from '../../postgres/state/transitions.ts';
import type { SnapshotContext } from '../../snapshot/context.ts';
import { walk } from '../../snapshot/walk.ts';
import { noteFailure } from '../note-failure.ts';
import { isFinal, tellable } from './failures.ts';
import { waitAfter } from './later.ts';
import type { JobParts } from './parts.ts';
import type { WalkData } from './queues.ts';
import type { RunsInHand } from './runs-in-hand.ts';
import { pauseWhenOthersWait } from './slice.ts';
import { addWalkJobs } from './walk-jobs.ts';

/**
 * Reads a walk to its end, and adds the jobs of the walks that it finds to be needed. A walk that
 * was read before, or whose snapshot has gone on without it, is done at once.
 */
export async function readWalk(
  parts: JobParts,
  runs: RunsInHand,
  job: Job<WalkData>,
  signal: AbortSignal,
): Promise<void> {
  const borrowed = await runs.borrow(job.data);
  if (borrowed === null) return;
  const { context } = borrowed;
  const slice = pauseWhenOthersWait(parts.queues.walks);
  try {
    const lost = await parts.quota.join(context.pool.accountId, context.pool.region);
    const stop = AbortSignal.any([signal, lost]);
    const found = await walk({ ...context, pause: slice.pause }, job.data.walk, stop);
    if (found.length > 0) await addFound(parts, context, job);
  } catch (error) {
    if (error instanceof FencedError) return;
    if (!signal.aborted && waitAfter(error) === null) await giveUp(context, job, error as Error);
    throw error;
  } finally {
    slice.end();
    await borrowed.release();
  }
}

/** Also those that it found before it was interrupted: a job that there is already is not added. */
async function addFound(
  { db, queues }: JobParts,
  context: SnapshotContext,
  job: Job<WalkData>,
): Promise<void> {
  const open = (await allWalks(db, context.run)).filter((each) => each.state === 'open');
  await addWalkJobs(queues, context, job.data.requestId, open, open);
}

/** Leaves word of a failure, where the job is not tried again. */
async function giveUp({ db, run }: SnapshotContext, job: Job<WalkData>, error: Error) {
  if (error instanceof SnapshotFailedError) await noteFailure(db, run, error);
  if (!isFinal(error, job)) return;
  const reason = tellable(error);
  await failWalk(db, run, job.data.walk, reason);
  await noteReason(db, run, reason);
  throw new UnrecoverableError(reason);
}
