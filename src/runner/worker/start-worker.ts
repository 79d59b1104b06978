import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Job } from 'bullmq';
import { type PoolSchedule, saveSchedules } from '../../postgres/state/schedules.ts';
import { beat, forgetWorker } from '../../postgres/state/workers.ts';
import type { RedisConnection } from '../../redis/connection.ts';
import { bounded } from '../../telemetry/bounded.ts';
import { timesAfter } from './due-times.ts';
import { every } from './every.ts';
import { type JobWorker, type JobWorkerOptions, openJobWorker } from './job-worker.ts';
import { keepJobs, keepSchedulers, takeDueRun } from './keep-jobs.ts';
import { LaterError } from './later.ts';
import type { JobParts } from './parts.ts';
import type { QueueName, WalkData } from './queues.ts';
import { RunsInHand } from './runs-in-hand.ts';
import { watchServers } from './servers.ts';
import { showProgress } from './show-progress.ts';
import { takeRequestedSnapshot } from './snapshot-job.ts';
import { readWalk } from './walk-job.ts';

/** Walks in hand at a time: enough that several account-Regions are kept at their quota. */
const WALKS = 32;
/** Snapshots planned, checked, published or archived at a time; each archive takes some memory. */
const SNAPSHOTS = 2;
const SCHEDULES = 4;

const KEEP_JOBS_MS = 3_000;
const KEEP_SCHEDULERS_MS = 30_000;
const BEAT_MS = 5_000;
/** A Postgres that says nothing for so long counts as lost: its machine may be gone. */
const SILENCE_MS = 10_000;
const PROGRESS_MS = 2_000;

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
  await keepSchedulers(parts);

  const runs = new RunsInHand(parts);
  const open = <Data>(
    name: QueueName,
    concurrency: number,
    process: JobWorkerOptions<Data>['process'],
  ) =>
    openJobWorker<Data>({
      queue: name,
      connection: redis.client,
      prefix: queues.prefix,
      concurrency,
      process,
      onEnd: (outcome, seconds) => metrics.job(name, outcome, seconds),
    });
  const walks = open<WalkData>('walks', WALKS, (job, _, signal) =>
    readWalk(parts, runs, job, signal),
  );
  const workers: readonly JobWorker[] = [
    open<{ poolId: string }>('schedules', SCHEDULES, async (job) => {
      const waitMs = await takeDueRun(parts, job.data.poolId);
      if (waitMs > 0) throw new LaterError('Its pool begins a little later.', waitMs);
    }),
    open<{ poolId: string; requestId: number }>('snapshots', SNAPSHOTS, (job, token, signal) =>
      takeRequestedSnapshot(parts, job, token, signal),
    ),
    walks,
  ];

  const servers = watchServers(redis, options.databaseUrl, log, (allThere) => {
    for (const worker of workers) {
      if (allThere) worker.resume();
      else worker.pause();
    }
  });
  const self = {
    id: randomUUID(),
    host: hostname(),
    pid: process.pid,
    version: options.version,
  };
  const quietly = () => {};
  const tellAlive = bounded(() => {
    const jobs = workers.reduce((sum, worker) => sum + worker.inHand.size, 0);
    return beat(db, self, { jobs, trouble: servers.trouble });
  }, SILENCE_MS);
  const repeated = [
    every(
      BEAT_MS,
      async () => {
        await tellAlive();
        servers.databaseAnswers(true);
      },
      () => servers.databaseAnswers(false),
    ),
    every(KEEP_JOBS_MS, () => (redis.isLost ? Promise.resolve() : keepJobs(parts)), quietly),
    every(
      KEEP_SCHEDULERS_MS,
      () => (redis.isLost ? Promise.resolve() : keepSchedulers(parts)),
      quietly,
    ),
    every(
      PROGRESS_MS,
      () => showProgress(parts, [...walks.inHand.values()] as Job<WalkData>[]),
      quietly,
    ),
  ];
  log.info({ pools: options.schedules.length }, 'worker started');

  return {
    async close() {
      const stopped = Promise.all(repeated.map((each) => each.stop()));
      await Promise.all(workers.map((worker) => worker.close()));
      await stopped;
      await queues.close();
      await parts.quota.close();
      await forgetWorker(db, self.id);
      log.info('worker stopped');
    },
  };
}
