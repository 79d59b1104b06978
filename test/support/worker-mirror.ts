import { pathToFileURL } from 'node:url';
import { onTestFinished } from 'vitest';
import type { Destination } from '../../src/archive/destination.ts';
import { openDestination } from '../../src/archive/open-destination.ts';
import { parseRegion } from '../../src/model/pool-id.ts';
import {
  openRequest,
  type RequestSource,
  recordSnapshot,
  type SnapshotRequest,
} from '../../src/postgres/coordination/requests.ts';
import { readInstallationId } from '../../src/postgres/coordination/workers.ts';
import { localAccountBuckets } from '../../src/quota/account-buckets.ts';
import { openRedis, type RedisConnection } from '../../src/redis/connection.ts';
import type { JobDeps } from '../../src/runner/worker/deps.ts';
import { addSnapshotJob, openQueues, type Queues } from '../../src/runner/worker/queues.ts';
import { QuotaLocks } from '../../src/runner/worker/quota-locks.ts';
import { startWorker } from '../../src/runner/worker/start-worker.ts';
import type { SimulatorOptions } from '../../src/simulator/index.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { openMetrics } from '../../src/telemetry/metrics.ts';
import { type EndedRequest, until } from './fleet.ts';
import { openTestMirror, type TestMirror } from './mirror.ts';
import { privacyOf } from './privacy.ts';
import { startRedis, type TestRedis } from './redis-server.ts';

/** What workers work with, in this process: real servers, and a look at what lies between the jobs. */
export interface WorkerMirror extends TestMirror {
  readonly redis: TestRedis;
  readonly connection: RedisConnection;
  readonly queues: Queues;
  readonly deps: JobDeps;
  readonly destination: Destination;
  /** Starts a worker for every pool; it ends with the test. */
  startWorker(change?: Partial<JobDeps>): Promise<void>;
  /** Asks for a snapshot of the pool, or for this one to be gone on with. */
  ask(poolId: string, source?: RequestSource, snapshotAt?: Date): Promise<void>;
  /** Resolves with the pool's newest request once it has ended, letting no job wait for its time. */
  ended(poolId: string): Promise<EndedRequest>;
}

/** A time that does not come. */
const NEVER = '0 0 29 2 *';

export async function openWorkerMirror(options: SimulatorOptions = {}): Promise<WorkerMirror> {
  const mirror = await openTestMirror(options);
  const redis = await startRedis();
  const connection = await openRedis(redis.url);
  const queues = openQueues(connection.client, await readInstallationId(mirror.db), () => {});
  const shares = { share: 1, userListRps: 1e6 };
  const buckets = localAccountBuckets({ of: () => shares, leastShare: () => 1 });
  const destination = await openDestination(pathToFileURL(mirror.archive).href);
  const log = createLogger({ level: 'silent' });
  const deps: JobDeps = {
    db: mirror.db,
    queues,
    buckets,
    quota: new QuotaLocks(mirror.databaseUrl),
    poolDeps: async (id) => ({
      access: { role: null },
      region: parseRegion(id),
      destination,
      maxRemoved: 1,
      mfaBudget: null,
      archiveLock: null,
      privacy: privacyOf(id),
      secrets: null,
    }),
    formats: ['jsonl'],
    signer: null,
    program: 'cognito-mirror/test',
    workFolder: mirror.work,
    keep: null,
    historyDays: null,
    metrics: openMetrics(),
    verification: null,
    log,
  };
  const poolIds = [...mirror.simulator.pools.keys()];
  return {
    ...mirror,
    redis,
    connection,
    queues,
    deps,
    destination,
    async startWorker(change = {}) {
      // A worker closes what it works with.
      const own = {
        ...deps,
        ...change,
        queues: openQueues(connection.client, await readInstallationId(mirror.db), () => {}),
      };
      const worker = await startWorker({
        deps: own,
        databaseUrl: mirror.databaseUrl,
        redis: connection,
        schedules: poolIds.map((poolId) => ({ poolId, pattern: NEVER, timezone: 'UTC' })),
        version: 'test',
      });
      onTestFinished(() => worker.close());
    },
    async ask(poolId, source = 'trigger', snapshotAt) {
      const asked = (await openRequest(mirror.db, poolId, source)) as SnapshotRequest;
      if (snapshotAt) await recordSnapshot(mirror.db, asked.id, snapshotAt);
      await addSnapshotJob(queues, asked);
    },
    ended: (poolId) =>
      until(`the request of ${poolId} has ended`, async () => {
        for (const queue of [queues.snapshots, queues.walks]) {
          for (const job of await queue.getDelayed()) await job.promote().catch(() => {});
        }
        const [newest] = await mirror.rows<EndedRequest>(
          `SELECT id, source, outcome, reason FROM mirror.requests WHERE pool_id = $1
           ORDER BY id DESC LIMIT 1`,
          [poolId],
        );
        return newest?.outcome === null ? undefined : newest;
      }),
    async close() {
      await queues.close();
      await deps.quota.close();
      connection.close();
      await buckets.close();
      await mirror.close();
      await redis.close();
    },
  };
}
