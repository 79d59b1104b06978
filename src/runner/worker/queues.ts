import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { SnapshotRequest } from '../../postgres/coordination/requests.ts';
import type { RedisConnection } from '../../redis/connection.ts';
import type { ProblemLog } from './failures.ts';

/** A pool's run is due. */
export interface ScheduleData {
  readonly poolId: string;
}

/** A snapshot is to be taken, published and archived. */
export interface SnapshotData {
  readonly poolId: string;
  readonly requestId: number;
}

/** A walk of a snapshot is to be read. */
export interface WalkData extends SnapshotData {
  /** The snapshot's id. */
  readonly snapshot: string;
  /** The number of the snapshot lease that the job was added under. */
  readonly lease: number;
  /** The walk's number in the snapshot's stage. */
  readonly walk: number;
}

/** A part of a pool's archive is to be verified. */
export interface VerificationData {
  readonly poolId: string;
}

/** The queues of one mirror. Their jobs hold only ids; everything else is in Postgres. */
export interface Queues {
  /** The prefix of their keys. */
  readonly prefix: string;
  readonly schedules: Queue<ScheduleData>;
  readonly snapshots: Queue<SnapshotData>;
  readonly walks: Queue<WalkData>;
  readonly verifications: Queue<VerificationData>;
  close(): Promise<void>;
}

/** The names of the queues in jobs, metrics and logs. */
export const QUEUE_NAMES = ['schedules', 'snapshots', 'walks', 'verifications'] as const;
export type QueueName = (typeof QUEUE_NAMES)[number];

/** How long finished jobs are kept for inspection; times in seconds. */
const KEPT = {
  removeOnComplete: { age: 60 * 60, count: 1000 },
  removeOnFail: { age: 7 * 24 * 60 * 60, count: 1000 },
};

/** Attempts of a job, 5 to 40 seconds apart. Calls within it have more attempts. */
export const ATTEMPTS = 5;
const BACKOFF = { type: 'exponential', delay: 5000 };

const DEFAULT_JOB_OPTIONS = { ...KEPT, attempts: ATTEMPTS, backoff: BACKOFF };

/**
 * Opens the queues of a mirror.
 *
 * @param installation identifies the mirror: several may share one Redis.
 * @param logProblem gets errors of a queue that no call returns.
 */
export function openQueues(
  connection: Redis,
  installation: string,
  logProblem: ProblemLog,
): Queues {
  const prefix = `{cognito-mirror:${installation}}`;
  const open = <Data>(name: QueueName) => {
    const queue = new Queue<Data>(name, {
      connection,
      prefix,
      defaultJobOptions: DEFAULT_JOB_OPTIONS,
    });
    queue.on('error', (error) => logProblem(`queue ${name}`, error));
    return queue;
  };
  const queues = {
    prefix,
    schedules: open<ScheduleData>('schedules'),
    snapshots: open<SnapshotData>('snapshots'),
    walks: open<WalkData>('walks'),
    verifications: open<VerificationData>('verifications'),
  };
  return {
    ...queues,
    async close() {
      await Promise.all(QUEUE_NAMES.map((name) => queues[name].close()));
    },
  };
}

/** The jobs of each queue, by BullMQ's states. Null while Redis cannot be used, even if it still answers. */
export async function countJobs(
  queues: Queues,
  { outage }: Pick<RedisConnection, 'outage'>,
  logProblem: ProblemLog,
): Promise<readonly { queue: QueueName; counts: Readonly<Record<string, number>> }[] | null> {
  if (outage !== null) return null;
  try {
    return await Promise.all(
      QUEUE_NAMES.map(async (queue) => ({ queue, counts: await queues[queue].getJobCounts() })),
    );
  } catch (error) {
    logProblem('metrics of queues', error);
    throw error;
  }
}

/**
 * The id of a request's job. After Postgres was restored from a backup, numbers of requests repeat, but
 * times do not. BullMQ forbids whole numbers and colons.
 */
export function formatSnapshotJobId({ id, requestedAt }: SnapshotRequest): string {
  return `request-${id}-${requestedAt.getTime()}`;
}

/** Adds the job of a request, if it does not exist. */
export async function addSnapshotJob(queues: Queues, request: SnapshotRequest): Promise<void> {
  const { id, poolId } = request;
  await queues.snapshots.add(
    'snapshot',
    { poolId, requestId: id },
    { jobId: formatSnapshotJobId(request) },
  );
}

/**
 * Adds the job that verifies a pool's archive, if the pool has none. It is tried once and then
 * removed: Postgres holds when the next one is due.
 */
export async function addVerificationJob(queues: Queues, poolId: string): Promise<void> {
  const options = { jobId: poolId, attempts: 1, removeOnComplete: true, removeOnFail: true };
  await queues.verifications.add('verification', { poolId }, options);
}
