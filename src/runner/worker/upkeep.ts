import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Job } from 'bullmq';
import { bounded, NoAnswerError } from '../../common/bounded.ts';
import { dropConnections, openPool } from '../../postgres/connection.ts';
import { getOwner } from '../../postgres/work/transaction-owner.ts';
import { recordHeartbeat, removeWorker } from '../../postgres/work/workers.ts';
import type { RedisConnection } from '../../redis/connection.ts';
import type { JobDeps } from './deps.ts';
import { createProblemLog } from './failures.ts';
import type { JobWorker } from './job-worker.ts';
import { JobKeeper, keepSchedulers } from './keep-jobs.ts';
import { lostTransactionsEnder } from './lost-transactions.ts';
import type { WalkData } from './queues.ts';
import { watchServers } from './servers.ts';
import { showProgress } from './show-progress.ts';

const BEAT_MS = 5_000;
/** A Postgres that says nothing for so long counts as lost: its machine may be gone. */
const SILENCE_MS = 20_000;
const KEEP_JOBS_MS = 3_000;
const KEEP_SCHEDULERS_MS = 30_000;
const PROGRESS_MS = 5_000;

export interface UpkeepOptions {
  readonly deps: JobDeps;
  readonly redis: RedisConnection;
  readonly databaseUrl: string;
  readonly version: string;
  readonly workers: readonly JobWorker[];
  /** The one of them that reads walks. */
  readonly walks: JobWorker;
}

/** What a worker does beside its jobs. */
export interface Upkeep {
  /** Ends it; what is under way is waited for. */
  stop(): Promise<void>;
  /** Takes leave, once no job is in hand any more. */
  leave(): Promise<void>;
}

/**
 * Tells every few seconds that the worker is alive and what troubles it, watches the servers, sees
 * to it that jobs and schedulers are there, and shows how far walks are.
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
  const servers = watchServers(redis, options.databaseUrl, log, (allThere) => {
    for (const worker of workers) {
      if (allThere) worker.resume();
      else worker.pause();
    }
    // `status` shows it within a moment, and not at the next beat.
    void tellAlive().catch(() => {});
  });
  // A pool of its own: those of the jobs may all be in use.
  const pulse = openPool(options.databaseUrl, 1);
  const tellAlive = bounded(() => {
    const jobs = workers.reduce((sum, worker) => sum + worker.inHand().length, 0);
    return recordHeartbeat(pulse, self, { jobs, problem: servers.trouble });
  }, SILENCE_MS);
  const onSilence = async (error: unknown) => {
    servers.databaseAnswers(false);
    if (!(error instanceof NoAnswerError)) return;
    // What was asked there hangs until its connection is given up; the jobs then wait elsewhere.
    for (const pool of [db, pulse]) dropConnections(pool);
    await deps.quota.drop();
  };

  const tell = createProblemLog(log);
  const keeper = new JobKeeper(deps, redis.client, tell);
  /** Of many workers, one looks after the jobs at a time. */
  const keepJobs = async () => {
    const key = `${queues.prefix}:keeper`;
    const isMine = await redis.client.set(key, self.id, 'PX', KEEP_JOBS_MS - 500, 'NX');
    if (isMine !== null) await keeper.keep();
  };
  const lookAfter = (what: string, ms: number, work: () => Promise<void>) =>
    every(
      ms,
      async () => (servers.trouble === null ? work() : undefined),
      async (error) => tell(what, error),
    );
  const repeated = [
    every(BEAT_MS, () => tellAlive().then(() => servers.databaseAnswers(true)), onSilence),
    // The jobs' connections may all wait for what a lost worker holds.
    lookAfter('lost workers', BEAT_MS, lostTransactionsEnder(pulse, log)),
    lookAfter('jobs', KEEP_JOBS_MS, keepJobs),
    lookAfter('schedulers', KEEP_SCHEDULERS_MS, () => keepSchedulers(deps, tell)),
    lookAfter('progress', PROGRESS_MS, () =>
      showProgress(deps, options.walks.inHand() as Job<WalkData>[]),
    ),
  ];

  return {
    async stop() {
      await Promise.all(repeated.map((each) => each.stop()));
    },
    async leave() {
      await removeWorker(pulse, self.id);
      await pulse.end();
    },
  };
}

/** Work that is done again and again, one time after the other. */
export interface Repeated {
  /** Ends it, and resolves once the time under way has ended. */
  stop(): Promise<void>;
}

/**
 * Does `work` at once, and again each time that `ms` milliseconds have passed since it ended.
 *
 * @param onError is told of each failure; the next time comes all the same.
 */
export function every(
  ms: number,
  work: () => Promise<void>,
  onError: (error: unknown) => Promise<void>,
): Repeated {
  const stopped = new AbortController();
  const repeat = async () => {
    while (!stopped.signal.aborted) {
      await work().catch(onError);
      await sleep(ms, undefined, { signal: stopped.signal }).catch(() => {});
    }
  };
  const running = repeat();
  return {
    async stop() {
      stopped.abort();
      await running;
    },
  };
}
