import type pg from 'pg';
import { type Config, PROGRAM, VERSION } from '../config/config.ts';
import { resolvePoolSettings } from '../config/pool-settings.ts';
import { type HttpServer, startHttp } from '../http/server.ts';
import { ResumableError } from '../model/errors.ts';
import { withoutRows } from '../postgres/database-error.ts';
import { requireMigrated } from '../postgres/migrate.ts';
import { recordListed } from '../postgres/store/pools.ts';
import { openMetricsQuery } from '../postgres/work/metrics.ts';
import { countLiveWorkers, installationId } from '../postgres/work/workers.ts';
import type { RedisConnection } from '../redis/connection.ts';
import { requireUsableRedis } from '../redis/require-usable.ts';
import type { RedisOutage } from '../redis/watch.ts';
import type { PoolDepsLookup } from '../runner/describe-pool.ts';
import { assertQueuesUsable } from '../runner/worker/check-redis.ts';
import { createProblemLog, LaterError } from '../runner/worker/failures.ts';
import { openQueues, QUEUE_NAMES, type Queues } from '../runner/worker/queues.ts';
import { QuotaLocks } from '../runner/worker/quota-locks.ts';
import { startWorker } from '../runner/worker/start-worker.ts';
import type { Logger } from '../telemetry/logger.ts';
import { type Metrics, openMetrics } from '../telemetry/metrics.ts';
import { workFolder } from './open-archives.ts';
import { createPoolDepsLookup, type Opened, openForRun } from './open-for-run.ts';
import { resolvePools } from './resolve-pools.ts';
import { saveFailedStart } from './save-failed-start.ts';

/** Until a job of a pool that is unknown here is looked at again, by whichever worker. */
const UNKNOWN_POOL_MS = 15_000;

/** A worker that runs until it is closed. */
export interface WorkerApp {
  /** Where it answers HTTP. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Opens everything that a worker needs, then takes up schedule, jobs and HTTP.
 *
 * @throws ConfigurationError with everything that is wrong or cannot be reached.
 */
export async function runWorker(
  config: Config,
  log: Logger,
  signal: AbortSignal,
): Promise<WorkerApp> {
  const metrics = openMetrics();
  const saveFailure = async (db: pg.Pool, error: unknown) => {
    // Where other workers are alive, the pools do not depend on this one.
    const alive = await countLiveWorkers(db).catch(() => 1);
    if (alive === 0 && !signal.aborted) await saveFailedStart({ db, log }, config, error, signal);
  };
  const opened = await openForRun(config, log, signal, { onFailure: saveFailure });
  const { mirror, quota } = opened;
  const redis = quota.redis as RedisConnection;
  let queues: Queues | null = null;
  let http: HttpServer | null = null;
  const close = async () => {
    await http?.close();
    await queues?.close();
    await opened.close();
  };
  try {
    await requireUsableRedis(redis);
    const jobs = openQueues(redis.client, await installationId(mirror.db), createProblemLog(log));
    queues = jobs;
    await assertQueuesUsable(redis, jobs.prefix);
    metrics.setSources({
      buckets: () => quota.buckets.usages(),
      queues: () => depths(redis, jobs),
    });
    http = await serve(config, opened, redis, metrics, log);
    const { db } = mirror;
    const resolving = { db, buckets: quota.buckets, log };
    const { poolIds, listed } = await resolvePools(config, resolving, signal);
    await recordListed(db, listed);
    const worker = await startWorker({
      deps: {
        db,
        queues: jobs,
        buckets: quota.buckets,
        quota: new QuotaLocks(mirror.databaseUrl),
        poolDeps: ofKnown(poolIds, createPoolDepsLookup(config, opened.archives)),
        formats: config.archiveFormats,
        program: PROGRAM,
        workFolder: workFolder(config),
        historyDays: config.historyDays,
        metrics,
        log,
      },
      databaseUrl: mirror.databaseUrl,
      redis,
      schedules: poolIds.map((poolId) => ({
        poolId,
        ...resolvePoolSettings(config, poolId).schedule,
      })),
      version: VERSION,
    });
    return {
      url: http.url,
      async close() {
        await worker.close();
        await close();
      },
    };
  } catch (error) {
    await saveFailure(mirror.db, error);
    await close();
    throw error;
  }
}

/** A worker does nothing for a pool that it is not configured for: it lacks its role and archive. */
function ofKnown(poolIds: readonly string[], poolDeps: PoolDepsLookup): PoolDepsLookup {
  const known = new Set(poolIds);
  return async (poolId) => {
    if (known.has(poolId)) return poolDeps(poolId);
    throw new LaterError(
      `A worker that is configured for ${poolId} is waited for.`,
      UNKNOWN_POOL_MS,
    );
  };
}

function serve(
  config: Config,
  { mirror }: Opened,
  redis: RedisConnection,
  metrics: Metrics,
  log: Logger,
): Promise<HttpServer> {
  return startHttp({
    settings: config.http,
    metrics,
    queryMetrics: openMetricsQuery(mirror.db, (error) => {
      metrics.recordPoolQueryError();
      log.error(
        { problem: withoutRows(error).message },
        'the query for the metrics of pools failed',
      );
    }),
    readiness: {
      async postgres() {
        await mirror.db.query('SELECT 1');
      },
      async redis() {
        const { outage } = redis;
        if (outage === null) await redis.client.ping();
        else throw new ResumableError(describeOutage(outage));
      },
      schema: () => requireMigrated(mirror.db),
    },
    log,
  });
}

/** Anyone may read it: the problem itself can name a user of Redis or an address. */
function describeOutage({ isLost }: RedisOutage): string {
  return isLost ? 'Redis is not reachable.' : 'Redis refuses commands; the log says why.';
}

/** Throws where Redis cannot be used, although it may still be read. */
async function depths(redis: RedisConnection, queues: Queues) {
  if (redis.outage !== null) throw new ResumableError(describeOutage(redis.outage));
  return Promise.all(
    QUEUE_NAMES.map(async (queue) => ({ queue, counts: await queues[queue].getJobCounts() })),
  );
}
