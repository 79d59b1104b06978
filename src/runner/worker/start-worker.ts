import { hostname } from 'node:os';
import type { Job } from 'bullmq';
import type { PoolSchedule } from '../../postgres/coordination/due-times.ts';
import { saveSchedules } from '../../postgres/coordination/schedules.ts';
import { stopVerifications } from '../../postgres/coordination/verifications.ts';
import type { RedisConnection } from '../../redis/connection.ts';
import { reportLate, reportVanished, tryReport } from '../alarms.ts';
import type { JobDeps } from './deps.ts';
import { createProblemLog, LaterError } from './failures.ts';
import { type JobWorker, type JobWorkerOptions, openJobWorker } from './job-worker.ts';
import { keepSchedulers, takeDueRun } from './keep-jobs.ts';
import type {
  QueueName,
  ScheduleData,
  SnapshotData,
  VerificationData,
  WalkData,
} from './queues.ts';
import { SnapshotSessions } from './sessions.ts';
import { runSnapshotJob } from './snapshot-job.ts';
import { startUpkeep } from './upkeep.ts';
import { recordAbandonedVerification, runVerificationJob } from './verification-job.ts';
import { recordAbandonedWalk, runWalkJob } from './walk-job.ts';

/** Walks that run at a time: enough for the quotas of several accounts and Regions. */
const WALKS = 32;
/** Snapshots planned, checked, published or archived at a time: each archive needs memory. */
const SNAPSHOTS = 2;
const SCHEDULES = 4;
/** Archives verified at a time: each needs memory, and none is urgent. */
const VERIFICATIONS = 1;
/** Deaths of workers after which a verification is given up for a while, so that snapshots go on. */
const VERIFICATION_STALLS = 3;

export interface WorkerOptions {
  readonly deps: JobDeps;
  readonly databaseUrl: string;
  readonly redis: RedisConnection;
  /** The pools of the configuration. */
  readonly schedules: readonly PoolSchedule[];
  readonly version: string;
}

/** A worker that runs jobs. */
export interface RunningWorker {
  /** Returns running jobs and closes what it opened, for which it needs Redis and Postgres. */
  close(): Promise<void>;
}

/** Saves the schedules of the configuration, and runs jobs until it is closed. */
export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  const { redis } = options;
  // As `status` names it.
  const worker = `${hostname()} ${process.pid}`;
  const deps = { ...options.deps, log: options.deps.log.child({ worker }) };
  const { db, log, queues, metrics, verification } = deps;
  await saveSchedules(db, options.schedules);
  if (verification === null) await stopVerifications(db);
  // Before any run: what happened while no worker was alive must not pass unnoticed.
  await tryReport(reportVanished, deps);
  await tryReport(reportLate, deps);
  const logProblem = createProblemLog(log);
  await keepSchedulers(deps, logProblem);

  const sessions = new SnapshotSessions(deps);
  const open = <Data extends { readonly poolId: string }>(
    name: QueueName,
    concurrency: number,
    process: JobWorkerOptions<Data>['process'],
    more: Pick<JobWorkerOptions<Data>, 'onFailed' | 'maxStalls'> = {},
  ) =>
    openJobWorker<Data>({
      queue: name,
      connection: redis.client,
      prefix: queues.prefix,
      concurrency,
      process,
      ...more,
      log,
      logProblem,
      onEnd: (outcome, seconds) => metrics.recordJob(name, outcome, seconds),
    });
  const recordAbandoned =
    <Data extends { readonly poolId: string }>(
      record: (job: Job<Data>, error: Error) => Promise<void>,
    ) =>
    (job: Job<Data>, error: Error) =>
      void record(job, error).catch((unrecorded: unknown) =>
        logProblem(job.data.poolId, unrecorded),
      );
  const walks = open<WalkData>(
    'walks',
    WALKS,
    (job, _, signal) => runWalkJob(deps, sessions, job, signal),
    { onFailed: recordAbandoned((job, error) => recordAbandonedWalk(deps, job, error)) },
  );
  const workers: JobWorker[] = [
    open<ScheduleData>('schedules', SCHEDULES, async (job) => {
      const waitMs = await takeDueRun(deps, job.data.poolId);
      if (waitMs > 0) throw new LaterError('Waiting for the start of its run.', waitMs);
    }),
    open<SnapshotData>('snapshots', SNAPSHOTS, (job, token, signal, note) =>
      runSnapshotJob(deps, job, token, note, signal),
    ),
    walks,
  ];
  if (verification !== null) {
    const verifications = open<VerificationData>(
      'verifications',
      VERIFICATIONS,
      (job, _, signal) => runVerificationJob(deps, verification, job, signal),
      {
        maxStalls: VERIFICATION_STALLS,
        onFailed: recordAbandoned((job, error) => recordAbandonedVerification(deps, job, error)),
      },
    );
    workers.push(verifications);
  }

  const upkeep = startUpkeep({ ...options, deps, workers, walks });
  log.info({ pools: options.schedules.length }, 'worker started');

  return {
    async close() {
      const stopped = upkeep.stop();
      await Promise.all(workers.map((worker) => worker.close()));
      await stopped;
      await deps.notifier?.stop();
      await queues.close();
      await deps.quota.close();
      await upkeep.leave();
      log.info('worker stopped');
    },
  };
}
