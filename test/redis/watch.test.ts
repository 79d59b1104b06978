import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { assertLimiterUsable } from '../../src/quota/clustered/require-usable.ts';
import { openRedis, type RedisConnection } from '../../src/redis/connection.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';

/** From the cause to the word. */
const SAID = { interval: 50 };

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

describe('a Redis that begins to refuse', () => {
  test.each([
    [
      'as its memory is full',
      ['CONFIG', 'SET', 'maxmemory', 1],
      ['CONFIG', 'SET', 'maxmemory', 0],
      /memory is full \(OOM\).*CONFIG SET maxmemory/,
    ],
    [
      'as scripts are forbidden',
      ['ACL', 'SETUSER', 'default', '-@scripting'],
      ['ACL', 'SETUSER', 'default', '+@scripting'],
      /EVALSHA, EVAL \(NOPERM\).*ACL SETUSER default \+evalsha \+eval/,
    ],
    [
      'as channels are forbidden',
      ['ACL', 'SETUSER', 'default', 'resetchannels'],
      ['ACL', 'SETUSER', 'default', '&*'],
      /channels \(NOPERM.*ACL SETUSER default &\*/,
    ],
    [
      'as replicas are missing',
      ['CONFIG', 'SET', 'min-replicas-to-write', 1],
      ['CONFIG', 'SET', 'min-replicas-to-write', 0],
      /NOREPLICAS/,
    ],
  ] as [string, [string, ...string[]], [string, ...string[]], RegExp][])(
    '%s: said once, with the fix, and its end too',
    async (_, breakIt, mendIt, said) => {
      await server.command(...breakIt);
      await expect.poll(() => redis.trouble, SAID).not.toBeNull();
      const { problem, remedy, isLost } = redis.trouble ?? {};
      expect(`${problem} ${remedy}`).toMatch(said);
      expect(isLost).toBe(false);
      await server.command(...mendIt);
      await expect.poll(() => redis.trouble, SAID).toBeNull();
      expect(lines).toEqual([
        expect.stringMatching(/"level":"warn".*Redis refuses commands/),
        expect.stringMatching(/"level":"info".*a server is back/),
      ]);
    },
  );

  test('a further connection, as none is left: said, and its end too', async () => {
    await server.command('CONFIG', 'SET', 'maxclients', 2);
    for (const client of [redis.duplicate(), redis.duplicate()]) client.on('error', () => {});
    await expect.poll(() => redis.trouble?.problem, SAID).toMatch(/maxclients/);
    await redis.client.config('SET', 'maxclients', 100);
    await expect.poll(() => redis.trouble, SAID).toBeNull();
  });
});

test('a subscriber whose channels are taken away does not end the process', async () => {
  const subscriber = redis.duplicate();
  await subscriber.subscribe('cognito-mirror/throttled');
  await server.command('ACL', 'SETUSER', 'default', 'resetchannels');
  // Redis ends its connection; ioredis subscribes again, and no call of ours has that answer.
  await expect.poll(() => redis.trouble?.problem, SAID).toMatch(/channels/);
});

test('connections that are idle are kept from being cut, without a word', async () => {
  await server.command('CONFIG', 'SET', 'timeout', 3);
  const other = redis.duplicate();
  await other.ping();
  let closed = 0;
  for (const client of [redis.client, other]) client.on('close', () => (closed += 1));
  await new Promise((resolve) => setTimeout(resolve, 8_000));
  expect(closed).toBe(0);
  expect(lines).toEqual([]);
});
