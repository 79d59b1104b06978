import type { PoolSchedule } from '../../postgres/work/due-times.ts';
import { saveSchedules } from '../../postgres/work/schedules.ts';
import type { RedisConnection } from '../../redis/connection.ts';
import type { JobDeps } from './deps.ts';
import { createProblemLog, LaterError } from './failures.ts';
import { type JobWorker, type JobWorkerOptions, openJobWorker } from './job-worker.ts';
import { keepSchedulers, takeDueRun } from './keep-jobs.ts';
import type { QueueName, ScheduleData, SnapshotData, WalkData } from './queues.ts';
import { SnapshotSessions } from './sessions.ts';
import { runSnapshotJob } from './snapshot-job.ts';
import { startUpkeep } from './upkeep.ts';
import { recordAbandonedWalk, runWalkJob } from './walk-job.ts';

/** Walks in hand at a time: enough that several account-Regions are kept at their quota. */
const WALKS = 32;
/** Snapshots planned, checked, published or archived at a time; each archive takes some memory. */
const SNAPSHOTS = 2;
const SCHEDULES = 4;

export interface WorkerOptions {
  readonly deps: JobDeps;
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
  const { deps, redis } = options;
  const { db, log, queues, metrics } = deps;
  await saveSchedules(db, options.schedules);
  const tell = createProblemLog(log);
  await keepSchedulers(deps, tell);

  const runs = new SnapshotSessions(deps);
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
    (job, _, signal) => runWalkJob(deps, runs, job, signal),
    (job, error) => void recordAbandonedWalk(deps, job, error).catch(() => {}),
  );
  const workers: readonly JobWorker[] = [
    open<ScheduleData>('schedules', SCHEDULES, async (job) => {
      const waitMs = await takeDueRun(deps, job.data.poolId);
      if (waitMs > 0) throw new LaterError('Its pool begins a little later.', waitMs);
    }),
    open<SnapshotData>('snapshots', SNAPSHOTS, (job, token, signal) =>
      runSnapshotJob(deps, job, token, signal),
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
      await deps.quota.close();
      await upkeep.leave();
      log.info('worker stopped');
    },
  };
}
