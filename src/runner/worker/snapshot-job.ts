import { type Job, UnrecoverableError, WaitingChildrenError } from 'bullmq';
import { LeaseLostError } from '../../model/errors.ts';
import { snapshotId } from '../../model/snapshot.ts';
import { isLockedInline } from '../../postgres/coordination/locks.ts';
import {
  findOpenRequest,
  recordSnapshot,
  recordStarted,
  recordWaiting,
  type SnapshotRequest,
} from '../../postgres/coordination/requests.ts';
import { isAbandoned } from '../../postgres/store/snapshots.ts';
import { advance, begin } from '../advance.ts';
import type { SnapshotSession } from '../session.ts';
import type { JobDeps } from './deps.ts';
import {
  isFinal,
  isJobLost,
  isLastAttempt,
  LaterError,
  safeMessage,
  toSafeError,
  waitAfter,
} from './failures.ts';
import type { NoteFields } from './job-worker.ts';
import type { SnapshotData } from './queues.ts';
import { completeRequest, failRequest } from './requests.ts';
import { openJobSession } from './sessions.ts';
import { addWalkJobs } from './walk-jobs.ts';

const INLINE_RUN_MS = 15_000;
const LEASE_LOST_MS = 5_000;

/**
 * Advances the snapshot of a request. The job runs several times: first to plan and to add the walks'
 * jobs, then each time that these have ended. Postgres holds all its state, so any worker can run it,
 * any number of times.
 *
 * @throws WaitingChildrenError while walks are read.
 */
export async function runSnapshotJob(
  deps: JobDeps,
  job: Job<SnapshotData>,
  token: string,
  note: NoteFields,
  signal: AbortSignal,
): Promise<void> {
  const { db } = deps;
  const request = await findOpenRequest(db, job.data.requestId);
  if (request === null) return;
  try {
    await recordWaiting(db, request.id, null);
    await advanceRequest(deps, request, job, token, note, signal);
  } catch (error) {
    if (signal.aborted || error instanceof WaitingChildrenError || isJobLost(error)) throw error;
    // The new holder of the lease decides how the request ends.
    if (error instanceof LeaseLostError) throw new LaterError(error.message, LEASE_LOST_MS);
    await recordProblem(deps, request, job, error as Error);
    throw error;
  }
}

async function advanceRequest(
  deps: JobDeps,
  request: SnapshotRequest,
  job: Job<SnapshotData>,
  token: string,
  note: NoteFields,
  signal: AbortSignal,
): Promise<void> {
  const session = await openJobSession(deps, request.poolId, job.id ?? '', signal);
  try {
    await takeSnapshot(deps, session, request, job, token, signal);
  } catch (error) {
    if (session.key !== null) note({ snapshot: snapshotId(session.key.snapshotAt) });
    // Another worker continues a job that was stopped, waits or is lost: nothing failed.
    const isReturned =
      signal.aborted ||
      error instanceof WaitingChildrenError ||
      waitAfter(error) !== null ||
      isJobLost(error);
    if (!isReturned) {
      // Ends the phase that failed.
      session.progress.phase = 'done';
      await session.recordFailure(toSafeError(error as Error));
    }
    throw error;
  } finally {
    await session.close();
  }
}

async function takeSnapshot(
  deps: JobDeps,
  session: SnapshotSession,
  request: SnapshotRequest,
  job: Job<SnapshotData>,
  token: string,
  signal: AbortSignal,
): Promise<void> {
  const { db, queues, quota } = deps;
  const { pool, progress } = session;
  const lost = await quota.join(pool.accountId, pool.region);
  const stop = AbortSignal.any([signal, lost]);
  if (await isLockedInline(db, pool.poolId)) {
    throw new LaterError('A `sync` or a `diff … now` of this pool is running.', INLINE_RUN_MS);
  }
  if (await recordStarted(db, request.id)) {
    deps.notifier?.runStarted(request.poolId, request.runId);
  }
  await chooseSnapshot(session, request, stop);
  for (;;) {
    const next = await advance(session, stop);
    switch (next.kind) {
      case 'read': {
        const snapshotJob = { id: job.id ?? '', requestId: request.id };
        await addWalkJobs(queues, next.context, snapshotJob, next.walks, next.walks);
        if (await job.moveToWaitingChildren(token)) throw new WaitingChildrenError();
        // All of them have ended already.
        break;
      }
      case 'ended':
        throw new UnrecoverableError(next.snapshot?.reason ?? 'Another run ended the snapshot.');
      default:
        progress.phase = 'done';
        return completeRequest(deps, request, next.kind, next);
    }
  }
}

/**
 * Continues the request's snapshot, or chooses one for it. A schedule always wants a new one, so that
 * readers get it although archives fail; `trigger` first finishes what only lacks its archive.
 */
async function chooseSnapshot(
  session: SnapshotSession,
  { id, poolId, source, snapshotAt }: SnapshotRequest,
  signal: AbortSignal,
): Promise<void> {
  const { db } = session.deps;
  if (snapshotAt !== null && !(await isAbandoned(db, poolId, snapshotAt, session.privacy))) {
    session.choose(snapshotAt, { resumed: true });
    return;
  }
  await begin(session, { finishArchive: source === 'trigger' }, signal);
  await recordSnapshot(db, id, session.requireKey().snapshotAt);
}

/** Ends the request if its job is not tried again; else records why it waits. */
async function recordProblem(
  deps: JobDeps,
  request: SnapshotRequest,
  job: Job,
  error: Error,
): Promise<void> {
  const { db, log } = deps;
  const reason = safeMessage(error);
  if (waitAfter(error) === null && (isFinal(error) || isLastAttempt(job))) {
    await failRequest(deps, request, reason);
    throw new UnrecoverableError(reason);
  }
  try {
    await recordWaiting(db, request.id, reason);
  } catch (unrecorded) {
    // If Postgres is the problem, this cannot be recorded either.
    const { poolId } = request;
    log.debug({ poolId, reason: safeMessage(unrecorded) }, 'could not record why a request waits');
  }
}
