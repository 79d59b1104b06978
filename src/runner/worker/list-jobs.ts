import type { Job } from 'bullmq';
import type { RedisConnection } from '../../redis/connection.ts';
import { ATTEMPTS, QUEUE_NAMES, type QueueName, type Queues } from './queues.ts';

/** BullMQ's states of a job that is not done, in the order in which they are shown. */
const STATES = [
  'active',
  'failed',
  'delayed',
  'waiting-children',
  'prioritized',
  'waiting',
] as const;
export type JobState = (typeof STATES)[number];

/** A job in Redis. It holds ids only. */
export interface QueuedJob {
  readonly queue: QueueName;
  readonly id: string;
  readonly state: JobState;
  readonly poolId: string | null;
  /** The request that it works for; null if it has none. */
  readonly requestId: number | null;
  readonly addedAt: Date;
  /** Attempts that are left. 0 of a failed job. */
  readonly attemptsLeft: number;
  /** Why its last attempt failed, without data of users; null if none did. */
  readonly reason: string | null;
}

/** The jobs of one queue. */
export interface QueueJobs {
  readonly queue: QueueName;
  readonly counts: Readonly<Record<string, number>>;
  /** The first of each state. */
  readonly jobs: readonly QueuedJob[];
}

/** How many jobs of each state are listed. */
export const MOST_JOBS = 20;

/** The jobs that are not done. Null while Redis cannot be used, even if it still answers. */
export async function listJobs(
  queues: Queues,
  { outage }: Pick<RedisConnection, 'outage'>,
): Promise<readonly QueueJobs[] | null> {
  if (outage !== null) return null;
  return Promise.all(
    QUEUE_NAMES.map(async (queue) => {
      const [counts, ...states] = await Promise.all([
        queues[queue].getJobCounts(...STATES),
        ...STATES.map(async (state) => {
          // Both ends are included.
          const jobs: Job[] = await queues[queue].getJobs(
            [state],
            0,
            MOST_JOBS - 1,
            state !== 'failed',
          );
          // A job that ends meanwhile is undefined.
          return jobs.flatMap((job) => (job ? [describeJob(queue, state, job)] : []));
        }),
      ]);
      return { queue, counts, jobs: states.flat() };
    }),
  );
}

function describeJob(queue: QueueName, state: JobState, job: Job): QueuedJob {
  const { poolId = null, requestId = null } = job.data as {
    readonly poolId?: string;
    readonly requestId?: number;
  };
  return {
    queue,
    id: job.id ?? '',
    state,
    poolId,
    requestId,
    addedAt: new Date(job.timestamp),
    attemptsLeft:
      state === 'failed' ? 0 : Math.max(0, (job.opts.attempts ?? ATTEMPTS) - job.attemptsMade),
    reason: job.failedReason || null,
  };
}
