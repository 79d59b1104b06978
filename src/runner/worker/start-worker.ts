import { type PoolSchedule, saveSchedules } from '../../postgres/work/schedules.ts';
import type { RedisConnection } from '../../redis/connection.ts';
import { LaterError, tellOnce } from './failures.ts';
import { type JobWorker, type JobWorkerOptions, openJobWorker } from './job-worker.ts';
import { keepSchedulers, takeDueRun, timesAfter } from './keep-jobs.ts';
import type { JobParts } from './parts.ts';
import type { QueueName, ScheduleData, SnapshotData, WalkData } from './queues.ts';
import { RunsInHand } from './runs-in-hand.ts';
import { takeRequestedSnapshot } from './snapshot-job.ts';
import { startUpkeep } from './upkeep.ts';
import { noteGivenUp, readWalk } from './walk-job.ts';

/** Walks in hand at a time: enough that several account-Regions are kept at their quota. */
const WALKS = 32;
/** Snapshots planned, checked, published or archived at a time; each archive takes some memory. */
const SNAPSHOTS = 2;
const SCHEDULES = 4;

export interface WorkerOptions {
  readonly parts: JobParts;
  readonly databaseUrl: string;
  readonly redis: RedisConnection;
  /** The pools of the configuration. */
  readonly schedules: readonly PoolSchedule[];
  readonly version: string;
}

/** A process that does the mirror's jobs. */
export interface RunningWorker {
  /** Gives what is in hand back, and closes what it opened; needs Redis and Postgres for a moment. */
  close(): Promise<void>;
}

/**
 * Makes the schedules those of the configuration, and does jobs until it is closed.
 */
export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  const { parts, redis } = options;
  const { db, log, queues, metrics } = parts;
  await saveSchedules(db, options.schedules, timesAfter);
  const tell = tellOnce(log);
  await keepSchedulers(parts, tell);

  const runs = new RunsInHand(parts);
  const open = <Data>(
    name: QueueName,
    concurrency: number,
    process: JobWorkerOptions<Data>['process'],
    onFailed?: JobWorkerOptions<Data>['onFailed'],
  ) =>
    openJobWorker<Data>({
      queue: name,
      connection: redis.client,
      prefix: queues.prefix,
      concurrency,
      process,
      ...(onFailed && { onFailed }),
      log,
      tell,
      onEnd: (outcome, seconds) => metrics.job(name, outcome, seconds),
    });
  const walks = open<WalkData>(
    'walks',
    WALKS,
    (job, _, signal) => readWalk(parts, runs, job, signal),
    (job, error) => void noteGivenUp(parts, job, error).catch(() => {}),
  );
  const workers: readonly JobWorker[] = [
    open<ScheduleData>('schedules', SCHEDULES, async (job) => {
      const waitMs = await takeDueRun(parts, job.data.poolId);
      if (waitMs > 0) throw new LaterError('Its pool begins a little later.', waitMs);
    }),
    open<SnapshotData>('snapshots', SNAPSHOTS, (job, token, signal) =>
      takeRequestedSnapshot(parts, job, token, signal),
    ),
    walks,
  ];

  const upkeep = startUpkeep({ ...options, workers, walks });
  log.info({ pools: options.schedules.length }, 'worker started');

  return {
    async close() {
      const stopped = upkeep.stop();
      await Promise.all(workers.map((worker) => worker.close()));
      await stopped;
      await queues.close();
      await parts.quota.close();
      await upkeep.leave();
      log.info('worker stopped');
    },
  };
}
