import { UnrecoverableError, WaitingChildrenError, Worker } from 'bullmq';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { openPool } from '../../src/postgres/connection.ts';
import {
  findOpenRequestForPool,
  listOpenRequests,
} from '../../src/postgres/coordination/requests.ts';
import { saveSchedules } from '../../src/postgres/coordination/schedules.ts';
import type { JobWorker } from '../../src/runner/worker/job-worker.ts';
import { JobKeeper, keepSchedulers } from '../../src/runner/worker/keep-jobs.ts';
import { formatSnapshotJobId, type SnapshotData } from '../../src/runner/worker/queues.ts';
import { startUpkeep } from '../../src/runner/worker/upkeep.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { type Fleet, openFleet, until } from '../support/fleet.ts';
import { openFleetQueues } from '../support/job-queues.ts';
import { monitorRedis } from '../support/redis-monitor.ts';
import { openWorkerMirror, type WorkerMirror } from '../support/worker-mirror.ts';

const [POOL, BROKEN, OTHER] = ['us-east-1_Kept', 'us-east-1_Broken', 'us-east-1_Other'] as const;

let mirror: WorkerMirror;
/** The problems that were logged. */
const logged: string[] = [];
const logProblem = (what: string) => void logged.push(what);
const openKeeper = () => new JobKeeper(mirror.deps, mirror.connection.client, logProblem);

beforeAll(async () => {
  mirror = await openWorkerMirror({
    pools: [POOL, BROKEN, OTHER],
    users: 60,
    groups: 2,
    seed: 384,
  });
});
afterEach(async () => {
  logged.length = 0;
  await mirror.rows('TRUNCATE mirror.requests, mirror.schedules');
  await mirror.redis.flush();
});
afterAll(() => mirror.close());

/** The job of the pool's open request, by its state. */
async function stateOfJob(): Promise<string> {
  const request = await findOpenRequestForPool(mirror.db, POOL);
  return request ? mirror.queues.snapshots.getJobState(formatSnapshotJobId(request)) : 'no request';
}

/** Does the job of a request that is asked for now, in a certain way, once. */
async function doJob(work: ConstructorParameters<typeof Worker<SnapshotData>>[1]): Promise<void> {
  await mirror.ask(POOL);
  const worker = new Worker<SnapshotData>('snapshots', work, {
    connection: mirror.connection.client,
    prefix: mirror.queues.prefix,
  });
  worker.on('error', () => {});
  await until('the job was done', async () => !['waiting', 'active'].includes(await stateOfJob()));
  await worker.close();
}

describe('a request whose job', () => {
  it('is gone gets a new job', async () => {
    await mirror.ask(POOL);
    await mirror.redis.flush();
    await openKeeper().keep();
    expect(await stateOfJob()).toBe('waiting');
  });

  it('completed while the request is open gets a new job', async () => {
    await doJob(async () => {});
    expect(await stateOfJob()).toBe('completed');
    await openKeeper().keep();
    expect(await stateOfJob()).toBe('waiting');
  });

  it('failed while the request is open fails, with the reason', async () => {
    await doJob(async () => {
      throw new UnrecoverableError('It took every worker down.');
    });
    expect(await stateOfJob()).toBe('failed');
    const lines: string[] = [];
    const log = createLogger({
      level: 'info',
      destination: { write: (line: string) => void lines.push(line) },
    });
    const parts = { ...mirror.deps, log };
    const keepers = [1, 2].map(() => new JobKeeper(parts, mirror.connection.client, logProblem));
    await Promise.all(keepers.map((keeper) => keeper.keep()));
    expect(await mirror.rows('SELECT outcome, reason FROM mirror.requests')).toEqual([
      { outcome: 'failed', reason: 'It took every worker down.' },
    ]);
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { msg: 'snapshot failed', poolId: POOL, reason: 'It took every worker down.' },
    ]);
  });

  it('waits for walks that Redis lost continues', async () => {
    await waitForLostWalks();
    const keeper = openKeeper();
    await keeper.keep();
    // The last of them may have ended just now.
    expect(await stateOfJob()).toBe('waiting-children');
    await keeper.keep();
    expect(await stateOfJob()).toBe('waiting');
    await mirror.startWorker();
    expect(await mirror.ended(POOL)).toMatchObject({ outcome: 'done' });
  });
});

/** A snapshot's job that waits for a walk of which nothing is left in Redis. */
async function waitForLostWalks(): Promise<void> {
  const { queues, connection } = mirror;
  await doJob(async (job, token) => {
    await queues.walks.add(
      'users',
      { ...job.data, snapshot: '20261120T020000Z', lease: 1, walk: 1 },
      { parent: { id: job.id ?? '', queue: queues.snapshots.qualifiedName }, priority: 1 },
    );
    if (await job.moveToWaitingChildren(token ?? '')) throw new WaitingChildrenError();
  });
  expect(await stateOfJob()).toBe('waiting-children');
  await connection.client.del(await connection.client.keys(`${queues.prefix}:walks:*`));
}

describe('a schedule that is broken', () => {
  const breakOne = async () => {
    const schedules = [BROKEN, OTHER].map((poolId) => ({
      poolId,
      pattern: '0 2 * * *',
      timezone: 'UTC',
    }));
    await saveSchedules(mirror.db, schedules);
    await keepSchedulers(mirror.deps, logProblem);
    await mirror.rows(
      `UPDATE mirror.schedules SET
         due_at = due_at - interval '2 days',
         starts_at = starts_at - CASE pool_id WHEN $1 THEN interval '3 days' ELSE '2 days' END,
         pattern = CASE pool_id WHEN $1 THEN 'nonsense' ELSE pattern END`,
      [BROKEN],
    );
  };
  const asked = async () => (await listOpenRequests(mirror.db)).map(({ poolId }) => poolId);

  it('does not stop the runs of other pools', async () => {
    await breakOne();
    await openKeeper().keep();
    expect(await asked()).toEqual([OTHER]);
    expect(logged).toEqual([BROKEN]);
  });

  it('does not stop the schedulers of other pools from being restored', async () => {
    await breakOne();
    await mirror.redis.flush();
    await openKeeper().keep();
    expect(await asked()).toEqual([OTHER]);
    const made = await mirror.queues.schedules.getJobSchedulers();
    expect(made.map(({ key }) => key)).toEqual([OTHER]);
  });
});

describe('of several workers', () => {
  it('one at a time maintains the jobs', async () => {
    const { connection, queues, deps, databaseUrl } = mirror;
    const key = `${queues.prefix}:keeper`;
    const tries = new Map<string, number>();
    const stop = await monitorRedis(mirror.redis.url, ([command = '', name, holder = '']) => {
      if (command.toLowerCase() !== 'set' || name !== key) return;
      tries.set(holder, (tries.get(holder) ?? 0) + 1);
    });
    onTestFinished(stop);
    await connection.client.set(key, 'another worker');
    tries.clear();
    await mirror.ask(POOL);
    await connection.client.del(await connection.client.keys(`${queues.prefix}:snapshots:*`));
    const none: JobWorker = {
      activeJobs: () => [],
      pause() {},
      resume() {},
      close: async () => {},
    };
    for (let worker = 0; worker < 3; worker += 1) {
      const db = openPool(databaseUrl, 2);
      onTestFinished(() => db.end());
      const upkeep = startUpkeep({
        deps: { ...deps, db },
        redis: connection,
        databaseUrl,
        version: 'test',
        workers: [none],
        walks: none,
      });
      onTestFinished(async () => {
        await upkeep.stop();
        await upkeep.leave();
      });
    }
    await until('each of three has tried twice', async () => {
      return tries.size === 3 && [...tries.values()].every((times) => times > 1);
    });
    expect(await stateOfJob()).toBe('unknown');
    await connection.client.del(key);
    await until('one of them has made the job', async () => (await stateOfJob()) === 'waiting');
    expect([...tries.keys()]).toContain(await connection.client.get(key));
  });
});

describe('a pool', () => {
  const [KNOWN, UNKNOWN, DROPPED] = [
    'us-east-1_Known',
    'us-east-1_Unknown',
    'us-east-1_Dropped',
  ] as const;
  let fleet: Fleet;

  beforeAll(async () => {
    fleet = await openFleet({ pools: [KNOWN, UNKNOWN, DROPPED], users: 60, groups: 2, seed: 385 });
  });
  afterAll(() => fleet.close());

  const ask = (poolId: string) =>
    fleet.rows(`INSERT INTO mirror.requests (pool_id, source) VALUES ($1, 'trigger')`, [poolId]);
  const waitingReason = async (poolId: string) => {
    const [request] = await fleet.rows<{ waiting_reason: string | null }>(
      'SELECT waiting_reason FROM mirror.requests WHERE pool_id = $1 AND ended_at IS NULL',
      [poolId],
    );
    return request?.waiting_reason;
  };

  it('that a worker does not know waits for one that does, which status shows', async () => {
    await fleet.worker({ COGNITO_POOLS: KNOWN });
    await ask(UNKNOWN);
    const reason = await until('the reason is recorded', () => waitingReason(UNKNOWN));
    expect(reason).toBe(`The worker that took the job is not configured for ${UNKNOWN}.`);

    await fleet.worker({ COGNITO_POOLS: [KNOWN, UNKNOWN].join(',') });
    const queues = await openFleetQueues(fleet);
    onTestFinished(() => queues.close());
    // Each time that the one has a job that is the other's, it waits.
    const settled = fleet.settled(UNKNOWN);
    await until('it goes on', async () => {
      for (const queue of [queues.snapshots, queues.walks]) {
        for (const job of await queue.getDelayed()) await job.promote().catch(() => {});
      }
      return (await waitingReason(UNKNOWN)) === undefined;
    });
    expect(await settled).toMatchObject({ outcome: 'done', reason: null });
    for (const job of await queues.walks.getCompleted()) expect(job.attemptsMade).toBe(1);
  });

  it('that is removed from the configuration has its open request skipped', async () => {
    await ask(DROPPED);
    await until('it waits', () => waitingReason(DROPPED));
    await fleet.worker({ COGNITO_POOLS: KNOWN });
    const ended = await until('it has ended', async () => {
      const found = await fleet.rows<{ outcome: string | null }>(
        'SELECT outcome, reason, waiting_reason FROM mirror.requests WHERE pool_id = $1',
        [DROPPED],
      );
      return found.every(({ outcome }) => outcome !== null) && found;
    });
    expect(ended).toEqual([
      {
        outcome: 'skipped',
        reason: 'The pool was removed from the configuration.',
        waiting_reason: null,
      },
    ]);
  });
});
