import { type Job, type Queue, UnrecoverableError } from 'bullmq';
import { LeaseLostError, SnapshotFailedError } from '../../model/errors.ts';
import { parseSnapshotId } from '../../model/snapshot.ts';
import { joinLease } from '../../postgres/store/leases.ts';
import { recordReason } from '../../postgres/store/snapshot-notes.ts';
import { allWalks, failWalk, type Walk, walksById } from '../../postgres/store/walks.ts';
import type { SnapshotContext } from '../../snapshot/context.ts';
import { runWalk } from '../../snapshot/run-walk.ts';
import { recordFailure } from '../outcome.ts';
import {
  isFinal,
  isJobLost,
  isLastAttempt,
  LaterError,
  safeMessage,
  waitAfter,
} from './failures.ts';
import type { JobDeps } from './parts.ts';
import type { WalkData } from './queues.ts';
import type { SnapshotSessions } from './runs-in-hand.ts';
import { addWalkJobs } from './walk-jobs.ts';

/** After a failure that came after pages: no attempt is spent where a walk gets on. */
const AFTER_PROGRESS_MS = 5_000;

/**
 * Reads a walk to its end, and adds the jobs of the walks that it finds to be needed. A walk that
 * was read before, or whose snapshot has gone on without it, is done at once.
 */
export async function runWalkJob(
  deps: JobDeps,
  runs: SnapshotSessions,
  job: Job<WalkData>,
  signal: AbortSignal,
): Promise<void> {
  const borrowed = await runs.borrow(job.data);
  if (borrowed === null) return;
  const { context } = borrowed;
  const slice = pauseWhenOthersWait(deps.queues.walks, job);
  let before: Walk | undefined;
  try {
    const lost = await deps.quota.join(context.pool.accountId, context.pool.region);
    const stop = AbortSignal.any([signal, lost]);
    [before] = await walksById(context.db, context.lease, [job.data.walk]);
    const found = await runWalk({ ...context, pause: slice.pause }, job.data.walk, stop);
    await addFound(deps, context, job, found);
  } catch (error) {
    if (error instanceof LeaseLostError) return;
    if (signal.aborted || waitAfter(error) !== null || isJobLost(error)) throw error;
    throw await judge(context, job, before, error as Error);
  } finally {
    slice.end();
    await borrowed.release();
  }
}

/** The walk over groups also finds what it had found before it was interrupted. */
async function addFound(
  { db, queues }: JobDeps,
  context: SnapshotContext,
  job: Job<WalkData>,
  found: readonly Walk[],
): Promise<void> {
  const isOfGroups = job.name === 'groups';
  if (found.length === 0 && !isOfGroups) return;
  const open = (await allWalks(db, context.lease)).filter((each) => each.state === 'open');
  const missing = isOfGroups
    ? open.filter((each) => each.kind === 'members' && each.lease === 0 && each.failure === null)
    : found;
  const snapshotJob = { id: job.parent?.id ?? '', requestId: job.data.requestId };
  await addWalkJobs(queues, context, snapshotJob, missing, open);
}

/** What a failure comes to: a wait where the walk got on, an attempt spent, or the end of it. */
async function judge(
  { db, lease }: SnapshotContext,
  job: Job<WalkData>,
  before: Walk | undefined,
  error: Error,
): Promise<Error> {
  if (error instanceof SnapshotFailedError) await recordFailure(db, lease, error);
  if (!isFinal(error) && (await gotOn({ db, lease }, job, before))) {
    return new LaterError(safeMessage(error), AFTER_PROGRESS_MS);
  }
  if (!isFinal(error) && !isLastAttempt(job)) return error;
  const reason = safeMessage(error);
  await failWalk(db, lease, { id: job.data.walk, lease: (before?.lease ?? 0) + 1 }, reason);
  await recordReason(db, lease, reason);
  return new UnrecoverableError(reason);
}

/** True where pages were committed since the job was taken in hand. */
async function gotOn(
  { db, lease }: Pick<SnapshotContext, 'db' | 'lease'>,
  job: Job<WalkData>,
  before: Walk | undefined,
): Promise<boolean> {
  const [now] = await walksById(db, lease, [job.data.walk]);
  return now?.attempt === before?.attempt && (now?.pages ?? 0) > (before?.pages ?? 0);
}

/**
 * Leaves word of a walk whose job ended without it: one that took its process down too often. Else
 * it would be planned again for ever.
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

/** A walk keeps its slot this long at least, and as long as nobody else is to have it. */
const SLICE_MS = 15_000;

/**
 * Fires `pause` when a job has had its slot for a while and one of the same or a better priority
 * waits for one, so that pools share the workers. One of a lower priority would wait on: the paused
 * job would come before it again.
 */
export function pauseWhenOthersWait(queue: Queue, job: Job): { pause: AbortSignal; end(): void } {
  const controller = new AbortController();
  const mayGoOn = async () => {
    const [next] = await queue.getPrioritized(0, 0);
    return next === undefined || next.priority > job.priority;
  };
  const timer = setInterval(() => {
    // Where Redis does not tell, it goes on.
    mayGoOn().then(
      (may) => may || controller.abort(),
      () => {},
    );
  }, SLICE_MS);
  return { pause: controller.signal, end: () => clearInterval(timer) };
}
