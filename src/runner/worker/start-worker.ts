import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Job } from 'bullmq';
import { dropConnections, openPool } from '../../postgres/connection.ts';
import { isDatabaseAway } from '../../postgres/database-error.ts';
import { type PoolSchedule, saveSchedules } from '../../postgres/state/schedules.ts';
import { beat, forgetWorker } from '../../postgres/state/workers.ts';
import type { RedisConnection } from '../../redis/connection.ts';
import { bounded, NoAnswerError } from '../../telemetry/bounded.ts';
import { timesAfter } from './due-times.ts';
import { every } from './every.ts';
import { originOf, tellable } from './failures.ts';
import { type JobWorker, type JobWorkerOptions, openJobWorker } from './job-worker.ts';
import { JobKeeper, keepSchedulers, takeDueRun } from './keep-jobs.ts';
import { LaterError } from './later.ts';
import type { JobParts } from './parts.ts';
import type { QueueName, WalkData } from './queues.ts';
import { RunsInHand } from './runs-in-hand.ts';
import { watchServers } from './servers.ts';
import { showProgress } from './show-progress.ts';
import { takeRequestedSnapshot } from './snapshot-job.ts';
import { noteGivenUp, readWalk } from './walk-job.ts';

/** Walks in hand at a time: enough that several account-Regions are kept at their quota. */
const WALKS = 32;
/** Snapshots planned, checked, published or archived at a time; each archive takes some memory. */
const SNAPSHOTS = 2;
const SCHEDULES = 4;

const KEEP_JOBS_MS = 3_000;
const KEEP_SCHEDULERS_MS = 30_000;
const BEAT_MS = 5_000;
/** A Postgres that says nothing for so long counts as lost: its machine may be gone. */
const SILENCE_MS = 20_000;
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
      onEnd: (outcome, seconds) => metrics.job(name, outcome, seconds),
    });
  const walks = open<WalkData>(
    'walks',
    WALKS,
    (job, _, signal) => readWalk(parts, runs, job, signal),
    (job, error) => void noteGivenUp(parts, job, error).catch(() => {}),
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
  const keeper = new JobKeeper(parts);
  const unlessAway = (work: () => Promise<void>) => async () => {
    if (servers.trouble === null) await work();
  };
  const told = new Set<string>();
  const tellOnce = (what: string) => async (error: unknown) => {
    const reason = tellable(error as Error);
    if (told.has(`${what}: ${reason}`) || isDatabaseAway(error)) return;
    told.add(`${what}: ${reason}`);
    log.warn({ what, reason, at: originOf(error as Error) }, 'could not be looked after');
  };
  const self = {
    id: randomUUID(),
    host: hostname(),
    pid: process.pid,
    version: options.version,
  };
  // A pool of its own: those of the jobs may all be in use.
  const pulse = openPool(options.databaseUrl, 1);
  const tellAlive = bounded(() => {
    const jobs = workers.reduce((sum, worker) => sum + worker.inHand.size, 0);
    return beat(pulse, self, { jobs, trouble: servers.trouble });
  }, SILENCE_MS);
  const repeated = [
    every(
      BEAT_MS,
      async () => {
        await tellAlive();
        servers.databaseAnswers(true);
      },
      async (error) => {
        servers.databaseAnswers(false);
        if (!(error instanceof NoAnswerError)) return;
        // What was asked there hangs until its connection is given up; jobs then wait elsewhere.
        for (const pool of [db, pulse]) dropConnections(pool);
        await parts.quota.drop();
      },
    ),
    every(
      KEEP_JOBS_MS,
      unlessAway(() => keeper.keep()),
      tellOnce('jobs'),
    ),
    every(
      KEEP_SCHEDULERS_MS,
      unlessAway(() => keepSchedulers(parts)),
      tellOnce('schedulers'),
    ),
    every(
      PROGRESS_MS,
      unlessAway(() => showProgress(parts, [...walks.inHand.values()] as Job<WalkData>[])),
      tellOnce('progress'),
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
      await forgetWorker(pulse, self.id);
      await pulse.end();
      log.info('worker stopped');
    },
  };
}
