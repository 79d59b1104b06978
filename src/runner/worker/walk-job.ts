import { type Job, type Queue, UnrecoverableError } from 'bullmq';
import { FencedError, SnapshotFailedError } from '../../model/errors.ts';
import { parseSnapshotId } from '../../model/snapshot.ts';
import { joinRun } from '../../postgres/store/leases.ts';
import { noteReason } from '../../postgres/store/transitions.ts';
import { allWalks, failWalk, type Walk, walksById } from '../../postgres/store/walks.ts';
import type { SnapshotContext } from '../../snapshot/context.ts';
import { walk } from '../../snapshot/run-walk.ts';
import { noteFailure } from '../outcome.ts';
import { isFinal, isJobLost, isLastAttempt, LaterError, tellable, waitAfter } from './failures.ts';
import type { JobParts } from './parts.ts';
import type { WalkData } from './queues.ts';
import type { RunsInHand } from './runs-in-hand.ts';
import { addWalkJobs } from './walk-jobs.ts';

/** After a failure that came after pages: no attempt is spent where a walk gets on. */
const AFTER_PROGRESS_MS = 5_000;

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
  const slice = pauseWhenOthersWait(parts.queues.walks, job);
  let before: Walk | undefined;
  try {
    const lost = await parts.quota.join(context.pool.accountId, context.pool.region);
    const stop = AbortSignal.any([signal, lost]);
    [before] = await walksById(context.db, context.run, [job.data.walk]);
    const found = await walk({ ...context, pause: slice.pause }, job.data.walk, stop);
    await addFound(parts, context, job, found);
  } catch (error) {
    if (error instanceof FencedError) return;
    if (signal.aborted || waitAfter(error) !== null || isJobLost(error)) throw error;
    throw await judge(context, job, before, error as Error);
  } finally {
    slice.end();
    await borrowed.release();
  }
}

/** The walk over groups also finds what it had found before it was interrupted. */
async function addFound(
  { db, queues }: JobParts,
  context: SnapshotContext,
  job: Job<WalkData>,
  found: readonly Walk[],
): Promise<void> {
  const isOfGroups = job.name === 'groups';
  if (found.length === 0 && !isOfGroups) return;
  const open = (await allWalks(db, context.run)).filter((each) => each.state === 'open');
  const missing = isOfGroups
    ? open.filter((each) => each.kind === 'members' && each.claim === 0 && each.failure === null)
    : found;
  const snapshotJob = { id: job.parent?.id ?? '', requestId: job.data.requestId };
  await addWalkJobs(queues, context, snapshotJob, missing, open);
}

/** What a failure comes to: a wait where the walk got on, an attempt spent, or the end of it. */
async function judge(
  { db, run }: SnapshotContext,
  job: Job<WalkData>,
  before: Walk | undefined,
  error: Error,
): Promise<Error> {
  if (error instanceof SnapshotFailedError) await noteFailure(db, run, error);
  if (!isFinal(error) && (await gotOn({ db, run }, job, before))) {
    return new LaterError(tellable(error), AFTER_PROGRESS_MS);
  }
  if (!isFinal(error) && !isLastAttempt(job)) return error;
  const reason = tellable(error);
  await failWalk(db, run, { id: job.data.walk, claim: (before?.claim ?? 0) + 1 }, reason);
  await noteReason(db, run, reason);
  return new UnrecoverableError(reason);
}

/** True where pages were committed since the job was taken in hand. */
async function gotOn(
  { db, run }: Pick<SnapshotContext, 'db' | 'run'>,
  job: Job<WalkData>,
  before: Walk | undefined,
): Promise<boolean> {
  const [now] = await walksById(db, run, [job.data.walk]);
  return now?.attempt === before?.attempt && (now?.pages ?? 0) > (before?.pages ?? 0);
}

/**
 * Leaves word of a walk whose job ended without it: one that took its process down too often. Else
 * it would be planned again for ever.
 */
export async function noteGivenUp(
  { db }: JobParts,
  job: Job<WalkData>,
  error: Error,
): Promise<void> {
  if (!(await job.isFailed())) return;
  const { poolId, snapshot, fence, walk: id } = job.data;
  const run = await joinRun(db, poolId, parseSnapshotId(snapshot) ?? new Date(0), fence);
  if (run !== null) await failWalk(db, run, { id, claim: null }, error.message);
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
