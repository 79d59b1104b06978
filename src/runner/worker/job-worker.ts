import { type Job, WaitingChildrenError, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Logger } from '../../telemetry/logger.ts';
import type { JobOutcome } from '../../telemetry/metrics-work.ts';
import {
  delayJob,
  failureToKeep,
  isJobLost,
  isReturned,
  type ProblemLog,
  returnJob,
  safeMessage,
  safeStack,
  waitAfter,
} from './failures.ts';
import type { QueueName } from './queues.ts';

/**
 * A worker renews its jobs' locks twice in this time; a job whose worker was killed is taken up by
 * another one this much later, and a check more.
 */
const LOCK_MS = 10_000;
const STALLED_CHECK_MS = 3_000;

/** By then the run before it has ended. */
const TAKEN_AGAIN_MS = 1_000;

/** A job that takes its process down every time would else do so for ever. */
const MOST_STALLS = 50;

/** What does a queue's jobs in this process. */
export interface JobWorker {
  /** The jobs in hand. */
  readonly inHand: () => Job[];
  /** Takes no more jobs for a while; those in hand go on. */
  pause(): void;
  resume(): void;
  /** Takes no more jobs, gives those in hand back, and closes its connections. */
  close(): Promise<void>;
}

export interface JobWorkerOptions<Data> {
  readonly queue: QueueName;
  readonly connection: Redis;
  readonly prefix: string;
  readonly concurrency: number;
  /** Does a job; `signal` fires where it must stop. */
  readonly process: (job: Job<Data>, token: string, signal: AbortSignal) => Promise<void>;
  readonly log: Logger;
  /** Reports errors of the queue that no job meets. */
  readonly tell: ProblemLog;
  /** Told of each job that is tried again no more, or later; of some that were not even begun. */
  readonly onFailed?: (job: Job<Data>, error: Error) => void;
  /** Told of each job that ended, or was given back. */
  readonly onEnd: (outcome: JobOutcome, seconds: number) => void;
}

/** Does the jobs of a queue, and gives back without a loss what it cannot go on with. */
export function openJobWorker<Data>(options: JobWorkerOptions<Data>): JobWorker {
  const stopping = new AbortController();
  const inHand = new Map<string, { job: Job; replaced: AbortController }>();

  /** What a run that did not complete comes to, for BullMQ to be thrown. */
  const failureOf = async (job: Job<Data>, token: string, error: unknown): Promise<Error> => {
    if (error instanceof WaitingChildrenError) return error;
    const waitMs = waitAfter(error);
    try {
      if (stopping.signal.aborted) return await returnJob(job, token);
      if (waitMs !== null) return await delayJob(job, token, waitMs);
    } catch (refused) {
      return failureToKeep(refused);
    }
    if (!isJobLost(error)) tellFailure(job, error);
    return failureToKeep(error);
  };

  // BullMQ passes the third argument to a function that has three parameters without defaults.
  const process = async (
    job: Job<Data>,
    token: string | undefined,
    lockLost: AbortSignal | undefined,
  ) => {
    const id = job.id ?? '';
    const key = token ?? '';
    const earlier = inHand.get(id);
    if (earlier) {
      // It was taken for stalled, and came back while this process still has it. BullMQ keeps locks
      // by id: the end of the earlier run would strike off the lock of this one.
      earlier.replaced.abort(new Error('The job was taken again.'));
      throw await delayJob(job, key, TAKEN_AGAIN_MS);
    }
    const replaced = new AbortController();
    inHand.set(id, { job, replaced });
    const begun = performance.now();
    const ended = (outcome: JobOutcome) =>
      options.onEnd(outcome, (performance.now() - begun) / 1000);
    const lost = [replaced.signal, ...(lockLost ? [lockLost] : [])];
    const signal = AbortSignal.any([stopping.signal, ...lost]);
    try {
      await options.process(job, key, signal);
      ended('completed');
    } catch (error) {
      const isElsewhere = lost.some(({ aborted }) => aborted) || isJobLost(error);
      const failure = isElsewhere ? failureToKeep(error) : await failureOf(job, key, error);
      ended(isElsewhere || isReturned(failure) ? 'returned' : 'failed');
      throw failure;
    } finally {
      inHand.delete(id);
    }
  };

  const tellFailure = (job: Job<Data>, error: unknown) => {
    const { queue, log } = options;
    const attempt = job.attemptsMade + 1;
    log.warn(
      { queue, job: job.id, attempt, reason: safeMessage(error), at: safeStack(error) },
      'a job failed',
    );
  };

  const worker = new Worker<Data>(options.queue, process, {
    connection: options.connection,
    prefix: options.prefix,
    concurrency: options.concurrency,
    lockDuration: LOCK_MS,
    stalledInterval: STALLED_CHECK_MS,
    maxStalledCount: MOST_STALLS,
  });
  // One that stalled too often fails without having been begun.
  worker.on('failed', (job, error) => {
    if (job) options.onFailed?.(job, error);
  });
  // A job whose lock is lost is another worker's by now, or is gone.
  worker.on('lockRenewalFailed', (ids) => {
    for (const id of ids) worker.cancelJob(id, 'Its lock was lost.');
  });
  worker.on('error', (error) => options.tell(`queue ${options.queue}`, error));

  return {
    inHand: () => [...inHand.values()].map(({ job }) => job),
    pause: () => void worker.pause(true).catch(() => {}),
    resume: () => worker.resume(),
    async close() {
      // First: what is given back must not be taken again here.
      const closed = worker.close();
      stopping.abort();
      await closed;
    },
  };
}
