import { type Job, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { openQueues, type Queues, type WalkData } from '../../src/runner/worker/queues.ts';
import { pauseWhenOthersWait } from '../../src/runner/worker/walk-job.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';

/** A walk keeps its slot for so long, though others wait. */
const SLICE_MS = 15_000;
const PRIORITY = 5;
const DATA: WalkData = {
  poolId: 'us-east-1_Fixture01',
  requestId: 1,
  snapshot: '20261120T020000Z',
  lease: 1,
  walk: 1,
};

let redis: TestRedis;
let connection: Redis;
let queues: Queues;
let worker: Worker<WalkData>;
let job: Job<WalkData>;

beforeAll(async () => {
  redis = await startRedis();
  connection = new Redis(redis.url, { maxRetriesPerRequest: null });
  queues = openQueues(connection, 'test', () => {});
});
beforeEach(async () => {
  await queues.walks.add('users', DATA, { priority: PRIORITY });
  // It takes jobs by hand alone.
  worker = new Worker<WalkData>('walks', null, { connection, prefix: queues.prefix });
  job = (await worker.getNextJob('test')) as Job<WalkData>;
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
});
afterEach(async () => {
  vi.useRealTimers();
  await worker.close();
  await queues.walks.obliterate({ force: true });
});
afterAll(async () => {
  await queues.close();
  connection.disconnect();
  await redis.close();
});

/** Whether the job pauses after its slice while these wait. */
async function pauses(...priorities: number[]): Promise<boolean> {
  for (const priority of priorities) await queues.walks.add('users', DATA, { priority });
  const slice = pauseWhenOthersWait(queues.walks, job);
  vi.advanceTimersByTime(SLICE_MS - 1);
  await asked();
  expect(slice.pause.aborted).toBe(false);
  vi.advanceTimersByTime(1);
  await asked();
  slice.end();
  return slice.pause.aborted;
}

/** Resolves when everything that was asked of Redis until now is answered and was acted on. */
async function asked(): Promise<void> {
  for (let time = 0; time < 5; time += 1) {
    await queues.walks.getPrioritized(0, 0);
    await new Promise(setImmediate);
  }
}

it.each([
  ['of its priority', PRIORITY],
  ['of a better one', PRIORITY - 1],
])('a walk pauses for one %s', async (_, priority) => {
  expect(await pauses(PRIORITY + 2, priority)).toBe(true);
});

it('a walk continues unless a job of the same or a better priority waits', async () => {
  expect(await pauses()).toBe(false);
  expect(await pauses(PRIORITY + 1, PRIORITY + 2)).toBe(false);
});
