import { type Job, WaitingChildrenError, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Logger } from '../../telemetry/logger.ts';
import type { JobOutcome } from '../../telemetry/metrics-work.ts';
import {
  delayJob,
  isJobLost,
  isReturned,
  type ProblemLog,
  returnJob,
  safeMessage,
  safeStack,
  toStoredError,
  waitAfter,
} from './failures.ts';
import type { QueueName } from './queues.ts';

/**
 * How long a job's lock lasts. A worker renews it twice in this time. Another worker continues the job
 * of a killed one this much later, plus one check.
 */
const LOCK_MS = 10_000;
const STALLED_CHECK_MS = 3_000;

/** By then the earlier run of the job in this process has ended. */
const STILL_RUNNING_MS = 1_000;

/** Stalls of a job before it fails: otherwise a job that crashes its process would repeat without end. */
const MAX_STALLS = 50;

/** Runs a queue's jobs in this process. */
export interface JobWorker {
  /** The jobs that run now. */
  readonly activeJobs: () => Job[];
  /** Starts no more jobs for a while; those that run continue. */
  pause(): void;
  resume(): void;
  /** Starts no more jobs, returns those that run to the queue, and closes its connections. */
  close(): Promise<void>;
}

/** Adds fields to the line that the log gets if the job fails. */
export type NoteFields = (fields: Readonly<Record<string, string>>) => void;

/** The ids that data of jobs hold, as far as each has them. */
interface JobIds {
  readonly poolId: string;
  readonly snapshot?: string;
  readonly walk?: number;
}

export interface JobWorkerOptions<Data extends JobIds> {
  readonly queue: QueueName;
  readonly connection: Redis;
  readonly prefix: string;
  readonly concurrency: number;
  /** Runs a job, and stops when `signal` fires. */
  readonly process: (
    job: Job<Data>,
    token: string,
    signal: AbortSignal,
    note: NoteFields,
  ) => Promise<void>;
  readonly log: Logger;
  /** Gets errors of the queue that belong to no job. */
  readonly logProblem: ProblemLog;
  /** How often a job may be left by a worker that died before it fails; 50 times by default. */
  readonly maxStalls?: number;
  /** Called for each job that failed, also before it started. */
  readonly onFailed?: (job: Job<Data>, error: Error) => void;
  /** Called for each job that ended or was returned. */
  readonly onEnd: (outcome: JobOutcome, seconds: number) => void;
}

/** Runs the jobs of a queue. A job that cannot continue returns to the queue without a loss. */
export function openJobWorker<Data extends JobIds>(options: JobWorkerOptions<Data>): JobWorker {
  const stopping = new AbortController();
  const active = new Map<string, { job: Job; replaced: AbortController }>();

  /** Returns or fails a job that did not complete, and gives what to throw to BullMQ. */
  const endIncomplete = async (
    job: Job<Data>,
    token: string,
    error: unknown,
    noted: object,
  ): Promise<Error> => {
    if (error instanceof WaitingChildrenError) return error;
    const waitMs = waitAfter(error);
    try {
      if (stopping.signal.aborted) return await returnJob(job, token);
      if (waitMs !== null) return await delayJob(job, token, waitMs);
    } catch (refused) {
      return toStoredError(refused);
    }
    if (!isJobLost(error)) logFailure(job, error, noted);
    return toStoredError(error);
  };

  // BullMQ passes the third argument to a function that has three parameters without defaults.
  const process = async (
    job: Job<Data>,
    token: string | undefined,
    lockLost: AbortSignal | undefined,
  ) => {
    const id = job.id ?? '';
    const key = token ?? '';
    const earlier = active.get(id);
    if (earlier) {
      // The job counted as stalled and came back while this process still runs it. BullMQ keeps locks
      // by id, so the end of the earlier run would remove the lock of this one.
      earlier.replaced.abort(new Error('The job was started again.'));
      throw await delayJob(job, key, STILL_RUNNING_MS);
    }
    const replaced = new AbortController();
    active.set(id, { job, replaced });
    const startedAt = performance.now();
    const end = (outcome: JobOutcome) =>
      options.onEnd(outcome, (performance.now() - startedAt) / 1000);
    const lost = [replaced.signal, ...(lockLost ? [lockLost] : [])];
    const signal = AbortSignal.any([stopping.signal, ...lost]);
    const noted = {};
    try {
      await options.process(job, key, signal, (fields) => Object.assign(noted, fields));
      end('completed');
    } catch (error) {
      const isElsewhere = lost.some(({ aborted }) => aborted) || isJobLost(error);
      const failure = isElsewhere
        ? toStoredError(error)
        : await endIncomplete(job, key, error, noted);
      end(isElsewhere || isReturned(failure) ? 'returned' : 'failed');
      throw failure;
    } finally {
      active.delete(id);
    }
  };

  const logFailure = (job: Job<Data>, error: unknown, noted: object) => {
    const { queue, log } = options;
    const { poolId, snapshot, walk } = job.data;
    const ids = { poolId, ...(snapshot && { snapshot }), ...(walk && { walk }), ...noted };
    const attempt = job.attemptsMade + 1;
    log.warn(
      { ...ids, queue, job: job.id, attempt, reason: safeMessage(error), at: safeStack(error) },
      'a job failed',
    );
  };

  const worker = new Worker<Data>(options.queue, process, {
    connection: options.connection,
    prefix: options.prefix,
    concurrency: options.concurrency,
    lockDuration: LOCK_MS,
    stalledInterval: STALLED_CHECK_MS,
    maxStalledCount: options.maxStalls ?? MAX_STALLS,
  });
  // A job that stalled too often fails without a start.
  worker.on('failed', (job, error) => {
    if (job) options.onFailed?.(job, error);
  });
  // Another worker has a job whose lock is lost, or the job is gone.
  worker.on('lockRenewalFailed', (ids) => {
    for (const id of ids) worker.cancelJob(id, 'Its lock was lost.');
  });
  const logError = (error: unknown) => options.logProblem(`queue ${options.queue}`, error);
  worker.on('error', logError);

  return {
    activeJobs: () => [...active.values()].map(({ job }) => job),
    pause: () => void worker.pause(true).catch(logError),
    resume: () => worker.resume(),
    async close() {
      // First, so that returned jobs do not start here again.
      const closed = worker.close();
      stopping.abort();
      await closed;
    },
  };
}
