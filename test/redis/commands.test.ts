import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ActionRequiredError } from '../../src/model/errors.ts';
import { RESERVE_PERMIT } from '../../src/quota/clustered/permits.ts';
import { assertLimiterUsable, BUCKET_COMMANDS } from '../../src/quota/clustered/require-usable.ts';
import { openRedis } from '../../src/redis/connection.ts';
import { assertQueuesUsable, listJobCommands } from '../../src/runner/worker/check-redis.ts';
import { startRedis, type TestRedis, type TestRedisOptions } from '../support/redis-server.ts';

const PREFIX = '{cognito-mirror:test}';

async function start(options?: TestRedisOptions): Promise<TestRedis> {
  const server = await startRedis(options);
  onTestFinished(() => server.close());
  return server;
}

/** Checks Redis as a worker does before it takes jobs. */
async function useAsWorker(url: string): Promise<void> {
  const redis = await openRedis(url);
  try {
    await assertLimiterUsable(redis);
    await assertQueuesUsable(redis, PREFIX);
  } finally {
    redis.close();
  }
}

/** The message of the error of a worker's check. */
async function refusal(url: string): Promise<string> {
  const error: unknown = await useAsWorker(url).then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ActionRequiredError);
  return (error as Error).message;
}

/** Creates the user `app`, and returns its URL. */
async function userWith(server: TestRedis, ...rights: string[]): Promise<string> {
  await server.command('ACL', 'SETUSER', 'app', 'reset', 'on', '>pw', ...rights);
  return server.url.replace('redis://', 'redis://app:pw@');
}

/** The commands in a Lua text. */
const inLua = (text: string) =>
  [...text.matchAll(/(?:rcall|redis\.p?call)\(\s*['"](\w+)['"]/g)].map(([, name = '']) =>
    name.toUpperCase(),
  );

describe('the checked commands', () => {
  test("include all commands of the buckets' script", () => {
    const checked = BUCKET_COMMANDS.map(([name]) => name);
    const used = inLua(RESERVE_PERMIT);
    expect(used).toHaveLength(4);
    expect(checked).toEqual(expect.arrayContaining(used));
  });

  test("include all commands of BullMQ's scripts that workers use", () => {
    const checked = listJobCommands(PREFIX).map(([name]) => name);
    const folder = join(
      dirname(createRequire(import.meta.url).resolve('bullmq/package.json')),
      'dist/cjs/scripts',
    );
    const isUsed =
      /^(add\w*Job\w*|extendLocks?|getCounts|getJobScheduler|getRanges|getState\w*|isMaxed|moveJobFromActiveToWait|moveStalledJobsToWait|moveTo\w+|releaseLock|remove(ChildDependency|Job|JobScheduler)|retryJob|saveStacktrace|update(JobScheduler|Progress))-/;
    const files = readdirSync(folder).filter((name) => isUsed.test(name) && name.endsWith('.js'));
    expect(files.length).toBeGreaterThan(20);
    const used = files.flatMap((name) => inLua(readFileSync(join(folder, name), 'utf8')));
    expect(new Set(used.filter((name) => !checked.includes(name)))).toEqual(new Set());
  });
});

describe('a user without a right is refused at the start, with the command that grants it', () => {
  test.each([
    [['~*', '+@all'], 'ACL SETUSER app &*'],
    [['~app:*', '&*', '+@all'], 'ACL SETUSER app ~*'],
    [['~*', '&*', '+@all', '-@scripting'], 'ACL SETUSER app +evalsha +eval'],
    [['~*', '&*', '+@all', '-subscribe'], 'ACL SETUSER app +subscribe'],
    [['~*', '&*', '+@all', '-publish'], 'ACL SETUSER app +publish'],
    [['~*', '&*', '+@all', '-info'], 'ACL SETUSER app +info'],
    [['~*', '&*', '+@all', '-hset', '-pexpire'], 'ACL SETUSER app +hset +pexpire'],
    [['~*', '&*', '+@all', '-@blocking'], 'ACL SETUSER app +bzpopmin'],
    [['~*', '&*', '+@all', '-xadd'], 'ACL SETUSER app +xadd'],
    [['~*', '&*', '-@all', '+ping', '+info', '+hello'], 'ACL SETUSER app +multi'],
  ])('%j', async (rights, remedy) => {
    const server = await start();
    const url = await userWith(server, ...rights);
    expect(await refusal(url)).toContain(remedy);
    expect(await server.command('KEYS', '*')).toEqual([]);
  });

  test.each([
    [['~*', '&*', '+@all', '-@dangerous', '+info']],
    [['~*', '&*', '+@all', '-client', '-config']],
    [['~cognito-mirror/*', '~{cognito-mirror:*', '&cognito-mirror/*', '+@all']],
  ])('a user with enough rights is accepted: %j', async (rights) => {
    const server = await start();
    await useAsWorker(await userWith(server, ...rights));
    expect(await server.command('KEYS', '*')).toEqual([]);
  });
});

describe('a Redis with a renamed command', () => {
  test.each(['EVAL', 'EVALSHA', 'SUBSCRIBE', 'PUBLISH', 'INFO', 'MULTI', 'BZPOPMIN', 'HSET'])(
    'is refused, with the name of the command: %s',
    async (name) => {
      const server = await start({ args: ['--rename-command', name, ''] });
      const message = await refusal(server.url);
      expect(message).toContain(`does not have the command ${name} (renamed or disabled)`);
      expect(message).toContain('rename-command');
    },
  );

  test.each(['CONFIG', 'CLIENT', 'HELLO', 'KEYS'])('is accepted without %s', async (name) => {
    const server = await start({ args: ['--rename-command', name, ''] });
    await expect(useAsWorker(server.url)).resolves.toBeUndefined();
  });
});

describe('a Redis is refused at the start', () => {
  test('with full memory: the message names the setting', async () => {
    const server = await start({ settings: { maxmemory: '1' } });
    expect(await refusal(server.url)).toMatch(/memory is full \(OOM\).*CONFIG SET maxmemory/);
  });

  test.each([1, 2, 3])(
    'with a limit of %d connections: the message names the setting',
    async (maxclients) => {
      const server = await start();
      await server.command('CONFIG', 'SET', 'maxclients', maxclients);
      expect(await refusal(server.url)).toMatch(/connection limit \(maxclients\).*CONFIG SET/);
    },
  );

  test('without enough replicas: the message names the setting', async () => {
    const server = await start({ settings: { 'min-replicas-to-write': '1' } });
    expect(await refusal(server.url)).toMatch(/NOREPLICAS.*CONFIG SET min-replicas-to-write 0/);
  });
});
