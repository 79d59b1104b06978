import { once } from 'node:events';
import { type Job, QueueEvents, UnrecoverableError } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { ServiceUnavailableError, ThrottledError } from '../../src/cognito/errors.ts';
import { PausedError } from '../../src/model/errors.ts';
import { LaterError } from '../../src/runner/worker/failures.ts';
import { type JobWorker, openJobWorker } from '../../src/runner/worker/job-worker.ts';
import { openQueues, type Queues, type SnapshotData } from '../../src/runner/worker/queues.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { until } from '../support/fleet.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';

let redis: TestRedis;
let connection: Redis;
let queues: Queues;
let events: QueueEvents;
let worker: JobWorker | null = null;
/** What the jobs' next runs throw; then they end well. */
let errors: Error[];
/** Whether the jobs' runs wait until they are aborted, and with which reasons they were. */
let untilAborted = false;
let aborted: unknown[] = [];

beforeAll(async () => {
  redis = await startRedis();
  connection = new Redis(redis.url, { maxRetriesPerRequest: null });
  queues = openQueues(connection, 'test', () => {});
  events = new QueueEvents('snapshots', {
    connection: { url: redis.url },
    prefix: queues.prefix,
  });
  await events.waitUntilReady();
});
afterEach(async () => {
  await worker?.close();
  worker = null;
  untilAborted = false;
  aborted = [];
  await queues.snapshots.obliterate({ force: true });
});
afterAll(async () => {
  await events.close();
  await queues.close();
  connection.disconnect();
  await redis.close();
});

/** Adds a job whose runs throw these errors, one each, and starts a worker. */
async function start(...thrown: Error[]): Promise<Job<SnapshotData>> {
  errors = thrown;
  const job = await queues.snapshots.add('snapshot', {
    poolId: 'us-east-1_Fixture01',
    requestId: 1,
  });
  worker = openJobWorker<SnapshotData>({
    queue: 'snapshots',
    connection,
    prefix: queues.prefix,
    concurrency: 2,
    async process(_job, _token, signal) {
      if (untilAborted) await once(signal, 'abort').finally(() => aborted.push(signal.reason));
      const error = errors.shift();
      if (error) throw error;
    },
    log: createLogger({ level: 'silent' }),
    logProblem: () => {},
    onEnd: () => {},
  });
  return job;
}

const find = async ({ id }: Job) => (await queues.snapshots.getJob(id ?? '')) as Job<SnapshotData>;

it.each([
  ['throttling for longer than a call waits', new ThrottledError('Throttled.')],
  ['something that is waited for', new LaterError('Waited for.', 60_000)],
])('%s delays a job without spending an attempt', async (_, error) => {
  const delayed = once(events, 'delayed');
  const added = await start(error);
  await delayed;
  const job = await find(added);
  expect(await job.getState()).toBe('delayed');
  expect(job.attemptsMade).toBe(0);
  const completed = once(events, 'completed');
  await job.promote();
  await completed;
  expect(await (await find(added)).getState()).toBe('completed');
});

it('a paused job continues by itself, without spending an attempt', async () => {
  const completed = once(events, 'completed');
  const added = await start(...Array.from({ length: 10 }, () => new PausedError('Paused.')));
  await completed;
  expect(errors).toEqual([]);
  // Ten pauses count as no attempt: the run that ended it is the first.
  expect((await find(added)).attemptsMade).toBe(1);
});

it('a temporary failure spends an attempt, and the job is retried', async () => {
  const delayed = once(events, 'delayed');
  const added = await start(new ServiceUnavailableError('The service kept failing.'));
  await delayed;
  const job = await find(added);
  expect(job.attemptsMade).toBe(1);
  expect(await job.getState()).toBe('delayed');
});

it('a final failure ends the job at once', async () => {
  const failed = once(events, 'failed');
  const added = await start(new UnrecoverableError('There is no such pool.'));
  await failed;
  const job = await find(added);
  expect(await job.getState()).toBe('failed');
  expect(job.failedReason).toBe('There is no such pool.');
});

it('Redis stores only the name of an unexpected error', async () => {
  const failed = once(events, 'delayed');
  const added = await start(new TypeError('jane@example.com is not iterable'));
  await failed;
  const kept = JSON.stringify(
    await redis.command('HGETALL', `${queues.prefix}:snapshots:${added.id}`),
  );
  expect(kept).toContain('It failed unexpectedly (TypeError).');
  expect(kept).not.toContain('jane');
});

it('a job whose lock is lost is aborted', async () => {
  untilAborted = true;
  const added = await start();
  const key = `${queues.prefix}:snapshots:${added.id}:lock`;
  await until('the job runs', async () => (await redis.command('EXISTS', key)) === 1);
  await redis.command('SET', key, 'of another worker');
  await until('it is aborted', async () => aborted.length > 0);
  expect(String(aborted[0])).toMatch(/lock was lost/);
});

it('a job that returns while it still runs is delayed, and keeps its lock afterwards', async () => {
  untilAborted = true;
  const added = await start();
  const keys = `${queues.prefix}:snapshots`;
  const lock = `${keys}:${added.id}:lock`;
  const locked = async () => (await redis.command('EXISTS', lock)) === 1;
  await until('the job runs', locked);
  // As if another worker had found it stalled, which this process does not know.
  await redis.command('DEL', lock);
  await redis.command('LREM', `${keys}:active`, '1', added.id ?? '');
  await redis.command('RPUSH', `${keys}:wait`, added.id ?? '');
  await redis.command('ZADD', `${keys}:marker`, '0', '0');
  await until('the run is aborted', async () => aborted.length > 0);
  untilAborted = false;
  await until('it is done', async () => (await (await find(added)).getState()) === 'completed');
  expect(String(aborted[0])).toMatch(/started again/);
  // The delay counts as no attempt: one run ended it.
  expect((await find(added)).attemptsMade).toBe(1);
});
