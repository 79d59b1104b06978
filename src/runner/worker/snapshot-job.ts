import { type Job, UnrecoverableError, WaitingChildrenError } from 'bullmq';
import type { Pool } from '../../model/directory.ts';
import { FencedError } from '../../model/errors.ts';
import { takeRun } from '../../postgres/store/leases.ts';
import { findSnapshot, isAbandoned, unfinishedArchive } from '../../postgres/store/snapshots.ts';
import { noteReason } from '../../postgres/store/transitions.ts';
import { clearFailures } from '../../postgres/store/walks.ts';
import { isTakenInline } from '../../postgres/work/locks.ts';
import {
  findOpenRequest,
  noteSnapshot,
  noteWaiting,
  type Request,
} from '../../postgres/work/requests.ts';
import { archivePublished, checkArchive } from '../../snapshot/archive.ts';
import { plan } from '../../snapshot/plan-walks.ts';
import { CallMeter } from '../../telemetry/calls.ts';
import { SnapshotProgress } from '../../telemetry/snapshot-progress.ts';
import { beginOrResume } from '../begin-snapshot.ts';
import { conclude } from '../conclude.ts';
import { describeMirrored } from '../describe-pool.ts';
import { noteFailure } from '../outcome.ts';
import { UNFINISHED_FOR_HOURS } from '../unfinished.ts';
import {
  isFinal,
  isJobLost,
  isLastAttempt,
  LaterError,
  tellable,
  tellableError,
  waitAfter,
} from './failures.ts';
import type { JobParts } from './parts.ts';
import type { SnapshotData } from './queues.ts';
import { endRequested, failRequested } from './requests.ts';
import { openRun, RETRIES, stepsOf } from './run-in-hand.ts';
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
  parts: JobParts,
  job: Job<SnapshotData>,
  token: string,
  signal: AbortSignal,
): Promise<void> {
  const { db } = parts;
  const request = await findOpenRequest(db, job.data.requestId);
  if (request === null) return;
  try {
    await noteWaiting(db, request.id, null);
    await goOn(parts, request, job, token, signal);
  } catch (error) {
    if (signal.aborted || error instanceof WaitingChildrenError || isJobLost(error)) throw error;
    // Whoever has the snapshot now says what becomes of the request.
    if (error instanceof FencedError) throw new LaterError(error.message, FENCED_MS);
    await noteTrouble(parts, request, job, error as Error);
    throw error;
  }
}

async function goOn(
  parts: JobParts,
  request: Request,
  job: Job<SnapshotData>,
  token: string,
  signal: AbortSignal,
): Promise<void> {
  const { db } = parts;
  const { poolId } = request;
  const pool = await describe(parts, poolId, signal);
  const lost = await parts.quota.join(pool.accountId, pool.region);
  const stop = AbortSignal.any([signal, lost]);
  if (await isTakenInline(db, poolId)) {
    throw new LaterError('A `sync` of the pool is waited for.', INLINE_RUN_MS);
  }
  let sealed: Sealed | null = null;
  let snapshotAt = request.snapshotAt ?? (await begin(parts, request, stop));
  if (await isAbandoned(db, poolId, snapshotAt)) snapshotAt = await begin(parts, request, stop);
  for (;;) {
    const snapshot = await findSnapshot(db, poolId, snapshotAt);
    switch (snapshot?.state) {
      case 'walking':
        await walkOrConclude(parts, { request, pool, snapshotAt, job, token }, stop);
        break;
      case 'published':
        sealed = await archive(parts, poolId, stop);
        break;
      case 'archived':
        return endRequested(parts, request, 'archived', {
          snapshot,
          archive: sealed?.get(snapshot.snapshot),
        });
      case 'held':
        return endRequested(parts, request, 'held', { snapshot });
      default:
        throw new UnrecoverableError(snapshot?.reason ?? 'The snapshot was ended by another run.');
    }
  }
}

async function describe(parts: JobParts, poolId: string, signal: AbortSignal): Promise<Pool> {
  const { role, region } = await parts.poolParts(poolId);
  return describeMirrored(
    { ...parts, role, region, observer: parts.metrics, retryPolicy: RETRIES },
    poolId,
    new CallMeter(),
    signal,
  );
}

/** Takes up what an earlier run left unfinished, or begins a snapshot. */
async function begin(
  { db, log, poolParts }: JobParts,
  { id, poolId, source }: Request,
  signal: AbortSignal,
): Promise<Date> {
  // The schedule goes on taking snapshots where archives fail: they are archived later, in order.
  const unfinished =
    source === 'trigger' ? await unfinishedArchive(db, poolId, UNFINISHED_FOR_HOURS) : null;
  if (unfinished !== null) {
    await noteSnapshot(db, id, unfinished.snapshotAt);
    return unfinished.snapshotAt;
  }
  const { destination } = await poolParts(poolId);
  await checkArchive({ db, destination, log }, poolId, signal);
  const { run } = await beginOrResume(db, poolId, log);
  // What an earlier request gave up is tried again, and no longer the reason of anything.
  await clearFailures(db, run);
  await noteReason(db, run, null);
  await noteSnapshot(db, id, run.snapshotAt);
  return run.snapshotAt;
}

/** What one run of the job is about. */
interface Turn {
  readonly request: Request;
  readonly pool: Pool;
  readonly snapshotAt: Date;
  readonly job: Job<SnapshotData>;
  readonly token: string;
}

async function walkOrConclude(
  parts: JobParts,
  { request, pool, snapshotAt, job, token }: Turn,
  signal: AbortSignal,
): Promise<void> {
  const { db, queues } = parts;
  const run = await takeRun(db, request.poolId, 'walking', snapshotAt);
  if (run === null) return;
  const inHand = await openRun(parts, run, pool);
  const { context } = inHand;
  try {
    const open = await plan(context);
    const failed = open.find((walk) => walk.failure !== null);
    if (failed) throw new UnrecoverableError(failed.failure ?? '');
    const { maxRemoved } = await parts.poolParts(request.poolId);
    const walks =
      open.length > 0
        ? open
        : await conclude(context, { maxRemoved, historyDays: parts.historyDays }, signal);
    if (walks.length === 0) {
      context.progress.phase = 'done';
      return;
    }
    await addWalkJobs(queues, context, { id: job.id ?? '', requestId: request.id }, walks, walks);
    if (await job.moveToWaitingChildren(token)) throw new WaitingChildrenError();
  } catch (error) {
    const isTrouble = !signal.aborted && !(error instanceof WaitingChildrenError);
    if (isTrouble && waitAfter(error) === null && !isJobLost(error)) {
      await noteFailure(db, run, tellableError(error as Error));
    }
    throw error;
  } finally {
    await inHand.close();
  }
}

type Sealed = Awaited<ReturnType<typeof archivePublished>>;

async function archive(parts: JobParts, poolId: string, signal: AbortSignal): Promise<Sealed> {
  const { destination } = await parts.poolParts(poolId);
  const progress = new SnapshotProgress(poolId);
  progress.phase = 'archive';
  progress.onPhaseEnd = stepsOf(parts.metrics);
  const sealed = await archivePublished({ ...parts, destination, progress }, poolId, signal);
  progress.phase = 'done';
  return sealed;
}

/** Ends the request where the job is not tried again; else says what it waits for. */
async function noteTrouble(
  parts: JobParts,
  request: Request,
  job: Job,
  error: Error,
): Promise<void> {
  const { db } = parts;
  const reason = tellable(error);
  if (waitAfter(error) === null && (isFinal(error) || isLastAttempt(job))) {
    await failRequested(parts, request, reason);
    throw new UnrecoverableError(reason);
  }
  // Where Postgres is the trouble, this cannot be noted either.
  await noteWaiting(db, request.id, reason).catch(() => {});
}
