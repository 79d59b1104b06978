import { type Job, type Queue, UnrecoverableError } from 'bullmq';
import { LeaseLostError, SnapshotFailedError } from '../../model/errors.ts';
import { parseSnapshotId } from '../../model/snapshot.ts';
import { joinLease } from '../../postgres/store/leases.ts';
import { recordReason } from '../../postgres/store/snapshot-notes.ts';
import { failWalk, findWalks, listWalks, type Walk } from '../../postgres/store/walks.ts';
import type { SnapshotContext } from '../../snapshot/context.ts';
import { runWalk } from '../../snapshot/run-walk.ts';
import { recordFailure } from '../outcome.ts';
import type { JobDeps } from './deps.ts';
import {
  isFinal,
  isJobLost,
  isLastAttempt,
  LaterError,
  safeMessage,
  waitAfter,
} from './failures.ts';
import type { WalkData } from './queues.ts';
import type { SnapshotSessions } from './sessions.ts';
import { addWalkJobs } from './walk-jobs.ts';

/** Before a walk that read pages and then failed is tried again. */
const AFTER_PROGRESS_MS = 5_000;

/**
 * Reads a walk to its end, and adds jobs for the walks that it finds. If the walk was read before, or
 * its snapshot continued under a new lease, the job has nothing to do.
 */
export async function runWalkJob(
  deps: JobDeps,
  sessions: SnapshotSessions,
  job: Job<WalkData>,
  signal: AbortSignal,
): Promise<void> {
  const borrowed = await sessions.borrow(job.data, job.parent?.id ?? '');
  if (borrowed === null) return;
  const { context } = borrowed;
  const slice = pauseWhenOthersWait(deps.queues.walks, job);
  let before: Walk | undefined;
  try {
    const lost = await deps.quota.join(context.pool.accountId, context.pool.region);
    const stop = AbortSignal.any([signal, lost]);
    [before] = await findWalks(context.db, context.lease, [job.data.walk]);
    const found = await runWalk({ ...context, pause: slice.pause }, job.data.walk, stop);
    await addFoundWalks(deps, context, job, found);
  } catch (error) {
    if (error instanceof LeaseLostError) return;
    if (signal.aborted || waitAfter(error) !== null || isJobLost(error)) throw error;
    throw await handleFailure(context, job, before, error as Error);
  } finally {
    slice.end();
    await borrowed.release();
  }
}

/** The walk over groups also adds those that it had found before it was interrupted. */
async function addFoundWalks(
  { db, queues }: JobDeps,
  context: SnapshotContext,
  job: Job<WalkData>,
  found: readonly Walk[],
): Promise<void> {
  const isOfGroups = job.name === 'groups';
  if (found.length === 0 && !isOfGroups) return;
  const open = (await listWalks(db, context.lease)).filter((each) => each.state === 'open');
  const missing = isOfGroups
    ? open.filter((each) => each.kind === 'members' && each.lease === 0 && each.failure === null)
    : found;
  const snapshotJob = { id: job.parent?.id ?? '', requestId: job.data.requestId };
  await addWalkJobs(queues, context, snapshotJob, missing, open);
}

/** @returns what to throw: a wait if the walk read pages, else the error, and on the last attempt an end. */
async function handleFailure(
  context: SnapshotContext,
  job: Job<WalkData>,
  before: Walk | undefined,
  error: Error,
): Promise<Error> {
  const { db, lease } = context;
  if (error instanceof SnapshotFailedError) await recordFailure(context, error);
  if (!isFinal(error) && (await hasReadPages(context, job, before))) {
    return new LaterError(safeMessage(error), AFTER_PROGRESS_MS);
  }
  if (!isFinal(error) && !isLastAttempt(job)) return error;
  const reason = safeMessage(error);
  await failWalk(db, lease, { id: job.data.walk, lease: (before?.lease ?? 0) + 1 }, reason);
  await recordReason(db, lease, reason);
  return new UnrecoverableError(reason);
}

/** True if pages were committed since the job started. */
async function hasReadPages(
  { db, lease }: SnapshotContext,
  job: Job<WalkData>,
  before: Walk | undefined,
): Promise<boolean> {
  const [now] = await findWalks(db, lease, [job.data.walk]);
  return now?.attempt === before?.attempt && (now?.pages ?? 0) > (before?.pages ?? 0);
}

/**
 * Records that a walk failed whose job ended without running, because it crashed its process too
 * often. Without the record it would be planned again without end.
 */
export async function recordAbandonedWalk(
  { db }: JobDeps,
  job: Job<WalkData>,
  error: Error,
): Promise<void> {
  if (!(await job.isFailed())) return;
  const { poolId, snapshot, lease: number, walk: id } = job.data;
  const lease = await joinLease(db, poolId, parseSnapshotId(snapshot) ?? new Date(0), number);
  if (lease !== null) await failWalk(db, lease, { id, lease: null }, error.message);
}

/** A walk keeps its slot at least this long, and longer if no other job needs it. */
const SLICE_MS = 15_000;

/**
 * Fires `pause` when a job has had its slot for a while and one of the same or a better priority
 * waits, so that pools share the workers. A job of lower priority does not pause it: the paused job
 * would run before that one again.
 */
export function pauseWhenOthersWait(queue: Queue, job: Job): { pause: AbortSignal; end(): void } {
  const controller = new AbortController();
  const mayContinue = async () => {
    const [next] = await queue.getPrioritized(0, 0);
    return next === undefined || next.priority > job.priority;
  };
  const timer = setInterval(() => {
    // If Redis does not answer, the walk continues. Its own connection logs that.
    mayContinue().then(
      (may) => may || controller.abort(),
      () => {},
    );
  }, SLICE_MS);
  return { pause: controller.signal, end: () => clearInterval(timer) };
}
