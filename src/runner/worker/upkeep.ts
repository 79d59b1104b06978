import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Job } from 'bullmq';
import { bounded, NoAnswerError } from '../../common/bounded.ts';
import { dropConnections, openPool } from '../../postgres/connection.ts';
import { getOwner } from '../../postgres/coordination/transaction-owner.ts';
import { recordHeartbeat, removeWorker } from '../../postgres/coordination/workers.ts';
import type { RedisConnection } from '../../redis/connection.ts';
import { reportLate, reportVanished } from '../alarms.ts';
import type { JobDeps } from './deps.ts';
import { createProblemLog } from './failures.ts';
import type { JobWorker } from './job-worker.ts';
import { JobKeeper, keepSchedulers } from './keep-jobs.ts';
import { createLostTransactionsEnder } from './lost-transactions.ts';
import type { WalkData } from './queues.ts';
import { watchServers } from './servers.ts';
import { showProgress } from './show-progress.ts';

const BEAT_MS = 5_000;
/** A Postgres that does not answer for this long counts as lost: its machine may be gone. */
const SILENCE_MS = 20_000;
const KEEP_JOBS_MS = 3_000;
const KEEP_SCHEDULERS_MS = 30_000;
const PROGRESS_MS = 5_000;
const LATE_MS = 30_000;
const WEBHOOKS_MS = 2_000;

interface UpkeepOptions {
  readonly deps: JobDeps;
  readonly redis: RedisConnection;
  readonly databaseUrl: string;
  readonly version: string;
  readonly workers: readonly JobWorker[];
  /** The one of `workers` that reads walks. */
  readonly walks: JobWorker;
}

/** What a worker does in addition to its jobs. */
interface Upkeep {
  /** Stops it, and waits for work that is running. */
  stop(): Promise<void>;
  /** Removes the worker from Postgres, after its last job has ended. */
  leave(): Promise<void>;
}

/**
 * Every few seconds, records that the worker is alive and what stops it, watches the servers, keeps
 * jobs and schedulers complete, and shows the progress of walks.
 */
export function startUpkeep(options: UpkeepOptions): Upkeep {
  const { deps, redis, workers } = options;
  const { db, log, queues } = deps;
  const self = {
    id: getOwner(db),
    host: hostname(),
    pid: process.pid,
    version: options.version,
  };
  const servers = watchServers(redis, options.databaseUrl, log, (isReady) => {
    for (const worker of workers) {
      if (isReady) worker.resume();
      else worker.pause();
    }
    // At once, so that `status` shows it before the next heartbeat.
    void beat().catch(onSilence);
  });
  // A separate pool, because jobs may use all connections of the other.
  const pulse = openPool(options.databaseUrl, 1);
  const beat = bounded(() => {
    const jobs = workers.reduce((sum, worker) => sum + worker.activeJobs().length, 0);
    return recordHeartbeat(pulse, self, { jobs, problem: servers.problem });
  }, SILENCE_MS);
  const onSilence = async (error: unknown) => {
    servers.databaseAnswers(false);
    if (!(error instanceof NoAnswerError)) return;
    // Queries there hang until their connections are dropped. The jobs then wait in their queues.
    for (const pool of [db, pulse]) dropConnections(pool);
    await deps.quota.drop();
  };

  const logProblem = createProblemLog(log);
  const keeper = new JobKeeper(deps, redis.client, logProblem);
  /** One of all workers at a time does this. */
  const keepJobs = async () => {
    const key = `${queues.prefix}:keeper`;
    const isMine = await redis.client.set(key, self.id, 'PX', KEEP_JOBS_MS - 500, 'NX');
    if (isMine !== null) await keeper.keep();
  };
  const maintain = (what: string, ms: number, work: () => Promise<void>) =>
    repeat(
      ms,
      async () => (servers.problem === null ? work() : undefined),
      async (error) => logProblem(what, error),
    );
  const stopping = new AbortController();
  const running = [
    repeat(BEAT_MS, () => beat().then(() => servers.databaseAnswers(true)), onSilence),
    // On `pulse`, because all connections of the jobs may wait for a lost worker's locks.
    maintain('lost workers', BEAT_MS, createLostTransactionsEnder(pulse, log)),
    maintain('jobs', KEEP_JOBS_MS, keepJobs),
    maintain('schedulers', KEEP_SCHEDULERS_MS, () => keepSchedulers(deps, logProblem)),
    maintain('progress', PROGRESS_MS, () =>
      showProgress(deps, options.walks.activeJobs() as Job<WalkData>[]),
    ),
    maintain('late pools', LATE_MS, () => reportLate(deps)),
    maintain('vanished pools', LATE_MS, () => reportVanished(deps)),
    maintain('webhooks', WEBHOOKS_MS, async () => deps.notifier?.deliver(stopping.signal)),
  ];

  return {
    async stop() {
      stopping.abort();
      await Promise.all(running.map((each) => each.stop()));
    },
    async leave() {
      await removeWorker(pulse, self.id);
      await pulse.end();
    },
  };
}

/** Work that is repeated, never twice at a time. */
interface Repeated {
  /** Stops repeating, and resolves once the current run has ended. */
  stop(): Promise<void>;
}

/**
 * Runs `work` now, and again `ms` milliseconds after each end.
 *
 * @param onError gets each failure, which does not stop the repetition.
 */
function repeat(
  ms: number,
  work: () => Promise<void>,
  onError: (error: unknown) => Promise<void>,
): Repeated {
  const stopped = new AbortController();
  const run = async () => {
    while (!stopped.signal.aborted) {
      await work().catch(onError);
      await sleep(ms, undefined, { signal: stopped.signal }).catch(() => {});
    }
  };
  const running = run();
  return {
    async stop() {
      stopped.abort();
      await running;
    },
  };
}
