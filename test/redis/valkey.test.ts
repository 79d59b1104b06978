import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { assertLimiterUsable } from '../../src/quota/clustered/require-usable.ts';
import { openRedis } from '../../src/redis/connection.ts';
import { checkServer, parseInfo } from '../../src/redis/server-info.ts';
import { assertQueuesUsable } from '../../src/runner/worker/check-redis.ts';
import { startRedis } from '../support/redis-server.ts';

/** The relevant lines of Valkey 9's answer to INFO. */
const infoOf = (...lines: string[]) =>
  parseInfo(['redis_version:7.2.4', 'valkey_version:9.1.2', 'role:master', ...lines].join('\r\n'));

test('a standalone Valkey is accepted by its own names of the fields', () => {
  expect(checkServer(infoOf('server_mode:standalone', 'cluster_enabled:0'))).toBeNull();
  expect(checkServer(parseInfo('valkey_version:10.0.0\r\nserver_mode:standalone'))).toBeNull();
});

test.each([['server_mode:cluster'], ['cluster_enabled:1'], ['redis_mode:cluster']])(
  'a Valkey in cluster mode is refused: %s',
  (line) => {
    expect(checkServer(infoOf(line))?.problem).toMatch(/runs in cluster mode/);
  },
);

test('Redis 6.2 is accepted, and 6.0 is refused', () => {
  expect(
    checkServer(parseInfo('redis_version:6.2.5\r\nredis_mode:standalone\r\nrole:master')),
  ).toBeNull();
  expect(checkServer(parseInfo('redis_version:6.0.16\r\nredis_mode:standalone'))?.problem).toMatch(
    /old/,
  );
});

/** VALKEY_SERVER, or the first on PATH. */
function findValkey(): string | null {
  const named = process.env.VALKEY_SERVER;
  if (named) return named;
  const paths = (process.env.PATH ?? '')
    .split(delimiter)
    .map((each) => join(each, 'valkey-server'));
  return paths.find((path) => existsSync(path)) ?? null;
}

/** The suite does not require Valkey: its Redis is the default. */
test('a worker can use the server of VALKEY_SERVER, a valkey-server on PATH, or the Redis of the suite', async () => {
  const program = findValkey();
  const server = await startRedis(program === null ? {} : { program });
  onTestFinished(() => server.close());
  const redis = await openRedis(server.url);
  onTestFinished(() => redis.close());
  await assertLimiterUsable(redis);
  await assertQueuesUsable(redis, '{cognito-mirror:test}');
  expect(await server.command('KEYS', '*')).toEqual([]);
});
