import { type Job, UnrecoverableError, WaitingChildrenError } from 'bullmq';
import type { Pool } from '../../model/directory.ts';
import { LeaseLostError } from '../../model/errors.ts';
import { takeLease } from '../../postgres/store/leases.ts';
import { recordReason } from '../../postgres/store/snapshot-notes.ts';
import {
  findSnapshot,
  findUnfinishedArchive,
  isAbandoned,
} from '../../postgres/store/snapshots.ts';
import { clearFailures } from '../../postgres/store/walks.ts';
import { isLockedInline } from '../../postgres/work/locks.ts';
import {
  findOpenRequest,
  recordSnapshot,
  recordWaiting,
  type SnapshotRequest,
} from '../../postgres/work/requests.ts';
import { archivePublished, checkArchive } from '../../snapshot/archive.ts';
import { planWalks } from '../../snapshot/plan-walks.ts';
import { CallMeter } from '../../telemetry/calls.ts';
import { SnapshotProgress } from '../../telemetry/snapshot-progress.ts';
import { beginOrResume } from '../begin-snapshot.ts';
import { checkAndPublish } from '../conclude.ts';
import { describeMirrored } from '../describe-pool.ts';
import { recordFailure } from '../outcome.ts';
import {
  isFinal,
  isJobLost,
  isLastAttempt,
  LaterError,
  safeMessage,
  toSafeError,
  waitAfter,
} from './failures.ts';
import type { JobDeps } from './parts.ts';
import type { SnapshotData } from './queues.ts';
import { completeRequest, failRequest } from './requests.ts';
import { createStepTimer, openSnapshotSession, RETRIES } from './run-in-hand.ts';
import { addWalkJobs } from './walk-jobs.ts';

const INLINE_RUN_MS = 15_000;
const FENCED_MS = 5_000;

/**
 * Takes a request's snapshot from where it stands to its end. It runs several times: once to plan
 * and to add the walks' jobs, and again each time that these have ended. All it knows is in
 * Postgres, so it does not matter which worker runs it, nor how often.
 *
 * @throws WaitingChildrenError while walks are read.
 */
export async function takeRequestedSnapshot(
  deps: JobDeps,
  job: Job<SnapshotData>,
  token: string,
  signal: AbortSignal,
): Promise<void> {
  const { db } = deps;
  const request = await findOpenRequest(db, job.data.requestId);
  if (request === null) return;
  try {
    await recordWaiting(db, request.id, null);
    await goOn(deps, request, job, token, signal);
  } catch (error) {
    if (signal.aborted || error instanceof WaitingChildrenError || isJobLost(error)) throw error;
    // Whoever has the snapshot now says what becomes of the request.
    if (error instanceof LeaseLostError) throw new LaterError(error.message, FENCED_MS);
    await noteTrouble(deps, request, job, error as Error);
    throw error;
  }
}

async function goOn(
  deps: JobDeps,
  request: SnapshotRequest,
  job: Job<SnapshotData>,
  token: string,
  signal: AbortSignal,
): Promise<void> {
  const { db } = deps;
  const { poolId } = request;
  const pool = await describe(deps, poolId, signal);
  const lost = await deps.quota.join(pool.accountId, pool.region);
  const stop = AbortSignal.any([signal, lost]);
  if (await isLockedInline(db, poolId)) {
    throw new LaterError('A `sync` of the pool is waited for.', INLINE_RUN_MS);
  }
  let sealed: Sealed | null = null;
  let snapshotAt = request.snapshotAt ?? (await begin(deps, request, stop));
  if (await isAbandoned(db, poolId, snapshotAt)) snapshotAt = await begin(deps, request, stop);
  for (;;) {
    const snapshot = await findSnapshot(db, poolId, snapshotAt);
    switch (snapshot?.state) {
      case 'walking':
        await walkOrConclude(deps, { request, pool, snapshotAt, job, token }, stop);
        break;
      case 'published':
        sealed = await archive(deps, poolId, stop);
        break;
      case 'archived':
        return completeRequest(deps, request, 'archived', {
          snapshot,
          archive: sealed?.get(snapshot.snapshot),
        });
      case 'held':
        return completeRequest(deps, request, 'held', { snapshot });
      default:
        throw new UnrecoverableError(snapshot?.reason ?? 'The snapshot was ended by another run.');
    }
  }
}

async function describe(deps: JobDeps, poolId: string, signal: AbortSignal): Promise<Pool> {
  const { role, region } = await deps.poolParts(poolId);
  return describeMirrored(
    { ...deps, role, region, observer: deps.metrics, retryPolicy: RETRIES },
    poolId,
    new CallMeter(),
    signal,
  );
}

/** Takes up what an earlier run left unfinished, or begins a snapshot. */
async function begin(
  { db, log, poolParts }: JobDeps,
  { id, poolId, source }: SnapshotRequest,
  signal: AbortSignal,
): Promise<Date> {
  // The schedule goes on taking snapshots where archives fail: they are archived later, in order.
  const unfinished = source === 'trigger' ? await findUnfinishedArchive(db, poolId) : null;
  if (unfinished !== null) {
    await recordSnapshot(db, id, unfinished.snapshotAt);
    return unfinished.snapshotAt;
  }
  const { destination } = await poolParts(poolId);
  await checkArchive({ db, destination, log }, poolId, signal);
  const { lease } = await beginOrResume(db, poolId, log);
  // What an earlier request gave up is tried again, and no longer the reason of anything.
  await clearFailures(db, lease);
  await recordReason(db, lease, null);
  await recordSnapshot(db, id, lease.snapshotAt);
  return lease.snapshotAt;
}

/** What one run of the job is about. */
interface Turn {
  readonly request: SnapshotRequest;
  readonly pool: Pool;
  readonly snapshotAt: Date;
  readonly job: Job<SnapshotData>;
  readonly token: string;
}

async function walkOrConclude(
  deps: JobDeps,
  { request, pool, snapshotAt, job, token }: Turn,
  signal: AbortSignal,
): Promise<void> {
  const { db, queues } = deps;
  const lease = await takeLease(db, request.poolId, 'walking', snapshotAt);
  if (lease === null) return;
  const inHand = await openSnapshotSession(deps, lease, pool);
  const { context } = inHand;
  try {
    const open = await planWalks(context);
    const failed = open.find((walk) => walk.failure !== null);
    if (failed) throw new UnrecoverableError(failed.failure ?? '');
    const { maxRemoved } = await deps.poolParts(request.poolId);
    const walks =
      open.length > 0
        ? open
        : await checkAndPublish(context, { maxRemoved, historyDays: deps.historyDays }, signal);
    if (walks.length === 0) {
      context.progress.phase = 'done';
      return;
    }
    await addWalkJobs(queues, context, { id: job.id ?? '', requestId: request.id }, walks, walks);
    if (await job.moveToWaitingChildren(token)) throw new WaitingChildrenError();
  } catch (error) {
    const isTrouble = !signal.aborted && !(error instanceof WaitingChildrenError);
    if (isTrouble && waitAfter(error) === null && !isJobLost(error)) {
      await recordFailure(db, lease, toSafeError(error as Error));
    }
    throw error;
  } finally {
    await inHand.close();
  }
}

type Sealed = Awaited<ReturnType<typeof archivePublished>>;

async function archive(deps: JobDeps, poolId: string, signal: AbortSignal): Promise<Sealed> {
  const { destination } = await deps.poolParts(poolId);
  const progress = new SnapshotProgress(poolId);
  progress.phase = 'archive';
  progress.onPhaseEnd = createStepTimer(deps.metrics);
  const sealed = await archivePublished({ ...deps, destination, progress }, poolId, signal);
  progress.phase = 'done';
  return sealed;
}

/** Ends the request where the job is not tried again; else says what it waits for. */
async function noteTrouble(
  deps: JobDeps,
  request: SnapshotRequest,
  job: Job,
  error: Error,
): Promise<void> {
  const { db } = deps;
  const reason = safeMessage(error);
  if (waitAfter(error) === null && (isFinal(error) || isLastAttempt(job))) {
    await failRequest(deps, request, reason);
    throw new UnrecoverableError(reason);
  }
  // Where Postgres is the trouble, this cannot be noted either.
  await recordWaiting(db, request.id, reason).catch(() => {});
}
