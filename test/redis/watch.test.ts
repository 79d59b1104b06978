import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { assertLimiterUsable } from '../../src/quota/clustered/require-usable.ts';
import { openRedis, type RedisConnection } from '../../src/redis/connection.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';
import { startStopwatch } from '../support/stopwatch.ts';

/** The bound from the cause to the report. */
const REPORTED_WITHIN_MS = 10_000;

/** Waits for the outage to become what `check` expects, within the bound. */
async function expectOutage(check: (outage: RedisConnection['outage']) => boolean): Promise<void> {
  const stopwatch = startStopwatch(server.pid);
  await expect.poll(() => check(redis.outage), { interval: 50 }).toBe(true);
  expect(stopwatch.elapsed()).toBeLessThan(REPORTED_WITHIN_MS);
}

let server: TestRedis;
let redis: RedisConnection;
let lines: string[];

beforeEach(async () => {
  server = await startRedis();
  lines = [];
  const write = (line: string) => void lines.push(line);
  redis = await openRedis(
    server.url,
    undefined,
    createLogger({ level: 'info', destination: { write } }),
  );
  onTestFinished(async () => {
    redis.close();
    await server.close();
  });
  await assertLimiterUsable(redis);
});

describe('a Redis that starts to refuse commands', () => {
  test.each([
    [
      'because its memory is full',
      ['CONFIG', 'SET', 'maxmemory', 1],
      ['CONFIG', 'SET', 'maxmemory', 0],
      /memory is full \(OOM\).*CONFIG SET maxmemory/,
    ],
    [
      'because scripts are forbidden',
      ['ACL', 'SETUSER', 'default', '-@scripting'],
      ['ACL', 'SETUSER', 'default', '+@scripting'],
      /EVALSHA, EVAL \(NOPERM\).*ACL SETUSER default \+evalsha \+eval/,
    ],
    [
      'because channels are forbidden',
      ['ACL', 'SETUSER', 'default', 'resetchannels'],
      ['ACL', 'SETUSER', 'default', '&*'],
      /channels \(NOPERM.*ACL SETUSER default &\*/,
    ],
    [
      'because replicas are missing',
      ['CONFIG', 'SET', 'min-replicas-to-write', 1],
      ['CONFIG', 'SET', 'min-replicas-to-write', 0],
      /NOREPLICAS/,
    ],
  ] as [string, [string, ...string[]], [string, ...string[]], RegExp][])(
    '%s: logged once, with the fix, and again at its end',
    async (_, breakIt, mendIt, message) => {
      await server.command(...breakIt);
      await expectOutage((outage) => outage !== null);
      const { problem, remedy, isLost } = redis.outage ?? {};
      expect(`${problem} ${remedy}`).toMatch(message);
      expect(isLost).toBe(false);
      await server.command(...mendIt);
      await expectOutage((outage) => outage === null);
      expect(lines).toEqual([
        expect.stringMatching(/"level":"warn".*Redis refuses commands/),
        expect.stringMatching(/"level":"info".*reconnected to a server/),
      ]);
    },
  );

  test('another connection, at the connection limit: reported until its end', async () => {
    await server.command('CONFIG', 'SET', 'maxclients', 2);
    for (const client of [redis.duplicate(), redis.duplicate()]) client.on('error', () => {});
    await expectOutage((outage) => /maxclients/.test(outage?.problem ?? ''));
    await redis.client.config('SET', 'maxclients', 100);
    await expectOutage((outage) => outage === null);
  });
});

test('a subscriber that loses its channels does not end the process', async () => {
  const subscriber = redis.duplicate();
  await subscriber.subscribe('cognito-mirror/throttled');
  await server.command('ACL', 'SETUSER', 'default', 'resetchannels');
  // Redis closes its connection, and ioredis subscribes again by itself.
  await expectOutage((outage) => /channels/.test(outage?.problem ?? ''));
});

test('idle connections are kept alive, without a log line', async () => {
  await server.command('CONFIG', 'SET', 'timeout', 3);
  const other = redis.duplicate();
  await other.ping();
  let closed = 0;
  for (const client of [redis.client, other]) client.on('close', () => (closed += 1));
  await new Promise((resolve) => setTimeout(resolve, 8_000));
  expect(closed).toBe(0);
  expect(lines).toEqual([]);
});
