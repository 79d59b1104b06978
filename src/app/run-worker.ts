import type pg from 'pg';
import { untilAborted } from '../common/abort.ts';
import { type HttpSettings, type Schedule, VERSION } from '../config/config.ts';
import { resolveAllowances, resolvePoolSettings } from '../config/pool-settings.ts';
import { createDashboard } from '../dashboard/app.tsx';
import type { DashboardActions, DashboardDeps, WorkerInsight } from '../dashboard/deps.ts';
import { type HttpServer, startHttp } from '../http/server.ts';
import { ActionRequiredError, ResumableError } from '../model/errors.ts';
import { openMetricsQuery } from '../postgres/coordination/metrics.ts';
import { countLiveWorkers, readInstallationId } from '../postgres/coordination/workers.ts';
import { describeSafely } from '../postgres/database-error.ts';
import { requireMigrated } from '../postgres/migrate.ts';
import { recordListed } from '../postgres/store/pools.ts';
import type { RedisConnection } from '../redis/connection.ts';
import { requireUsableRedis } from '../redis/require-usable.ts';
import type { RedisOutage } from '../redis/watch.ts';
import { explainOutcome } from '../runner/outcome.ts';
import { assertQueuesUsable } from '../runner/worker/check-redis.ts';
import { createProblemLog } from '../runner/worker/failures.ts';
import { listJobs } from '../runner/worker/list-jobs.ts';
import { countJobs, openQueues, type Queues } from '../runner/worker/queues.ts';
import { QuotaLocks } from '../runner/worker/quota-locks.ts';
import { type RunningWorker, startWorker } from '../runner/worker/start-worker.ts';
import { type Metrics, openMetrics } from '../telemetry/metrics.ts';
import { fullReadiness } from './examine-mirror.ts';
import { openPagePool, type PagePool } from './open-database.ts';
import { openVerification } from './open-verification.ts';
import { resolvePools } from './resolve-pools.ts';
import type { Opened, Resources } from './resources.ts';
import { reportFailedStart, saveFailedStart } from './save-failed-start.ts';
import { serverStates } from './server-states.ts';

/** How a worker runs. */
export interface WorkerOptions {
  /** When to mirror each pool, by pool id; by default the pools and schedules of the mirror. */
  readonly schedules?: Readonly<Record<string, Partial<Schedule>>>;
  /** Where the worker serves health, metrics and, with a token, the dashboard; nowhere by default. */
  readonly http?: HttpSettings;
  /** Called once the worker does its jobs, with the URL of its HTTP server. */
  readonly onReady?: (started: { readonly url: string | null }) => void;
}

/**
 * Keeps the schedules, does the jobs and answers HTTP until `signal` fires.
 *
 * @throws ActionRequiredError with everything that is wrong or cannot be reached
 */
export async function runWorker(
  resources: Resources,
  { schedules, http: settings, onReady }: WorkerOptions,
  actions: DashboardActions,
  signal: AbortSignal,
): Promise<void> {
  const { config, log } = resources;
  if (config.redisUrl === null) throw lacksRedis();
  const pools = schedules === undefined ? config.pools : Object.keys(schedules);
  const metrics = openMetrics();
  const logProblem = createProblemLog(log);
  const saveFailure = async (db: pg.Pool, error: unknown) => {
    try {
      // While other workers are alive, the pools do not depend on this one.
      if (signal.aborted || (await countLiveWorkers(db)) > 0) return;
    } catch (unrecorded) {
      // The error itself is thrown and reported.
      log.warn({ reason: explainOutcome(unrecorded) }, 'could not record that the worker failed');
      return;
    }
    const failed = await saveFailedStart({ db, log }, pools, error, signal);
    await reportFailedStart(await resources.openNotifier(db, metrics), failed, error, signal);
  };
  const opened = await resources.openForRun(pools, signal, { onFailure: saveFailure });
  const { database, quota, signer } = opened;
  const { db } = database;
  const verification = await openVerification(config, signer);
  const redis = quota.redis as RedisConnection;
  let queues: Queues | null = null;
  let http: HttpServer | null = null;
  let pages: PagePool | null = null;
  let worker: RunningWorker | null = null;
  try {
    await requireUsableRedis(redis);
    const jobs = openQueues(redis.client, await readInstallationId(db), logProblem);
    queues = jobs;
    await assertQueuesUsable(redis, jobs.prefix);
    metrics.setSources({
      buckets: () => quota.buckets.usages(),
      queues: () => countJobs(jobs, redis, logProblem),
    });
    if (settings) {
      pages = openPagePool(database.databaseUrl, log);
      const served = { opened, pages: pages.db, redis, queues: jobs, metrics, actions };
      http = await serve(settings, served, resources);
    }
    const { buckets } = quota;
    const { poolIds, listed } = await resolvePools(resources, pools, { db, buckets }, signal);
    await recordListed(db, listed);
    worker = await startWorker({
      deps: {
        ...resources.sessionDeps(opened),
        queues: jobs,
        quota: new QuotaLocks(database.databaseUrl),
        poolDeps: async (id) => (poolIds.includes(id) ? resources.poolDeps(id) : null),
        metrics,
        notifier: await resources.openNotifier(db, metrics),
        verification,
        tracing: opened.tracing,
      },
      databaseUrl: database.databaseUrl,
      redis,
      schedules: poolIds.map((poolId) => ({
        poolId,
        ...resolvePoolSettings(config, poolId).schedule,
        ...schedules?.[poolId],
      })),
      version: VERSION,
    });
    onReady?.({ url: http?.url ?? null });
    await untilAborted(signal);
  } catch (error) {
    await saveFailure(db, error);
    throw error;
  } finally {
    await worker?.close();
    await http?.close();
    await pages?.close();
    if (worker === null) await queues?.close();
  }
}

const NO_DASHBOARD =
  'no dashboard is served: set MIRROR_HTTP_TOKEN to a random text, such as `openssl rand -hex 32` prints';

function lacksRedis(): ActionRequiredError {
  const problem = 'is not set, and workers share their jobs and the quota through Redis.';
  const remedy = 'Set it to a URL such as redis://host:6379.';
  return ActionRequiredError.of('redisUrl', problem, remedy);
}

interface Served {
  readonly opened: Opened;
  /** For the pages of the dashboard. */
  readonly pages: pg.Pool;
  readonly redis: RedisConnection;
  readonly queues: Queues;
  readonly metrics: Metrics;
  readonly actions: DashboardActions;
}

function serve(
  settings: HttpSettings,
  { opened, pages, redis, queues, metrics, actions }: Served,
  resources: Resources,
): Promise<HttpServer> {
  const { config, hashKey, log } = resources;
  const { db } = opened.database;
  const { token: act, viewToken: view = null } = settings;
  const allowances = resolveAllowances(config);
  const hasToken = act !== null || view !== null;
  if (!hasToken) log.info(NO_DASHBOARD);
  const readiness = {
    async postgres() {
      await db.query('SELECT 1');
    },
    async redis() {
      const { outage } = redis;
      if (outage === null) await redis.client.ping();
      else throw new ResumableError(describeOutage(outage));
    },
    schema: () => requireMigrated(db),
  };
  const insight: WorkerInsight = {
    listJobs: () => listJobs(queues, redis),
    listUsages: () => opened.quota.buckets.usages(),
  };
  const deps: DashboardDeps = {
    ...{ db: pages, tokens: { act, view }, actions, allowances, hashKey, log },
    readServers: serverStates(readiness),
    worker: insight,
  };
  return startHttp({
    settings,
    dashboard: hasToken ? createDashboard(deps) : null,
    metrics,
    queryMetrics: openMetricsQuery(db, (error) => {
      metrics.recordPoolQueryError();
      log.error({ problem: describeSafely(error) }, 'the query for the metrics of pools failed');
    }),
    readiness,
    full: fullReadiness(resources, settings),
    log,
  });
}

/** Everyone can read it: the problem itself may name an address or a user of Redis. */
function describeOutage({ isLost }: RedisOutage): string {
  return isLost ? 'Redis is not reachable.' : 'Redis refuses commands; the log says why.';
}
