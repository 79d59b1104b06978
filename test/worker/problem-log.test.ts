import { expect, onTestFinished, test, vi } from 'vitest';
import { openRedis } from '../../src/redis/connection.ts';
import { createProblemLog } from '../../src/runner/worker/failures.ts';
import { countJobs, openQueues } from '../../src/runner/worker/queues.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { startRedis } from '../support/redis-server.ts';

const HOUR_MS = 60 * 60 * 1000;

function collect() {
  const lines: { what: string; reason: string }[] = [];
  const write = (line: string) => void lines.push(JSON.parse(line));
  return { lines, log: createLogger({ level: 'info', destination: { write } }) };
}

test('a failure that lasts is logged once an hour, and each other failure by itself', () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const { lines, log } = collect();
  const logProblem = createProblemLog(log);
  const fail = (what: string) => logProblem(what, new TypeError('secret'));
  for (let i = 0; i < 3; i += 1) fail('queue walks');
  fail('queue snapshots');
  vi.advanceTimersByTime(HOUR_MS - 1);
  fail('queue walks');
  vi.advanceTimersByTime(1);
  fail('queue walks');
  expect(lines.map(({ what }) => what)).toEqual(['queue walks', 'queue snapshots', 'queue walks']);
  expect(JSON.stringify(lines)).not.toContain('secret');
});

test('a defect of the query for the queues is logged; an outage of Redis is not', async () => {
  const server = await startRedis();
  const redis = await openRedis(server.url);
  const { lines, log } = collect();
  const queues = openQueues(redis.client, 'test', () => {});
  onTestFinished(async () => {
    redis.close();
    await server.close();
  });
  const count = () => countJobs(queues, redis, createProblemLog(log));
  expect(await count()).toMatchObject([
    { queue: 'schedules' },
    { queue: 'snapshots' },
    { queue: 'walks' },
    { queue: 'verifications' },
  ]);
  queues.walks.getJobCounts = () => Promise.reject(new TypeError('no such state'));
  await expect(count()).rejects.toThrow(TypeError);
  expect(lines).toMatchObject([
    { what: 'metrics of queues', reason: expect.stringContaining('TypeError') },
  ]);
  await server.kill();
  await expect.poll(() => redis.outage?.isLost).toBe(true);
  expect(await count()).toBeNull();
  expect(lines).toHaveLength(1);
});
