import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { ActionRequiredError, InterruptedError } from '../../src/model/errors.ts';
import { openRedis, type RedisConnection } from '../../src/redis/connection.ts';
import { requireUsableRedis } from '../../src/redis/require-usable.ts';
import { startRedis, type TestRedis, type TestRedisOptions } from '../support/redis-server.ts';

async function start(options?: TestRedisOptions): Promise<TestRedis> {
  const server = await startRedis(options);
  onTestFinished(() => server.close());
  return server;
}

async function open(url: string): Promise<RedisConnection> {
  const redis = await openRedis(url);
  onTestFinished(() => redis.close());
  return redis;
}

/** The message of the error. */
async function refusal(url: string): Promise<string> {
  const error = await openRedis(url).then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ActionRequiredError);
  return error instanceof Error ? error.message : '';
}

/** A server other than Redis, with what it does on input. */
async function stranger(onText: (socket: Socket, text: string) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (bytes) => onText(socket, bytes.toString()));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `redis://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A server with Redis's protocol, and this answer to INFO. */
function impostor(info: string): Promise<string> {
  return stranger((socket, text) => {
    for (const [, command] of text.matchAll(/\*\d+\r\n\$\d+\r\n(\w+)/g)) {
      const isInfo = command?.toLowerCase() === 'info';
      socket.write(isInfo ? `$${info.length}\r\n${info}\r\n` : '+OK\r\n');
    }
  });
}

describe('at the start', () => {
  test('waits for a Redis that starts within seconds', async () => {
    const server = await start();
    await server.stop();
    const opening = open(server.url);
    await server.restart({ keepData: false });
    expect(await (await opening).client.ping()).toBe('PONG');
  });

  test('reports a server that does not listen after a bounded wait', async () => {
    const server = await start();
    await server.stop();
    const message = await refusal(`redis://mirror:secret@127.0.0.1:${server.port}`);
    expect(message).toBe(
      `REDIS_URL (redis://mirror:***@127.0.0.1:${server.port}): no server listens there. Start Redis, or correct the host and port.`,
    );
  });

  test('reports a wrong or missing password at once, without repeating it', async () => {
    const server = await start({ password: 'right' });
    expect(await refusal(server.url.replace('right', 'wrong'))).toMatch(
      /\(redis:\/\/:\*\*\*@.*rejects this user or password/,
    );
    expect(await refusal(server.url.replace(':right@', ''))).toMatch(/requires a password/);
    expect(await (await open(server.url)).client.ping()).toBe('PONG');
  });

  test('reports a user without enough rights', async () => {
    const server = await start();
    await server.command('ACL', 'SETUSER', 'weak', 'on', '>pw', '+hello', '+ping');
    expect(await refusal(`redis://weak:pw@127.0.0.1:${server.port}`)).toMatch(/may not run/);
  });

  test('reports a database that does not exist', async () => {
    const server = await start();
    expect(await refusal(`${server.url}/99`)).toMatch(/the database does not exist/);
  });

  test('reports a replica', async () => {
    const [primary, server] = [await start(), await start()];
    await server.command('REPLICAOF', '127.0.0.1', primary.port);
    expect(await refusal(server.url)).toMatch(/replica, which refuses writes/);
  });

  test('reports a server in cluster mode', async () => {
    const server = await start({ settings: { 'cluster-enabled': 'yes' } });
    expect(await refusal(server.url)).toMatch(/runs in cluster mode/);
  });

  test('reports a server that is not Redis', async () => {
    const url = await stranger((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    expect(await refusal(url)).toMatch(/not Redis/);
  });

  test('reports a server that never answers after a bounded wait', async () => {
    expect(await refusal(await stranger(() => {}))).toMatch(/does not answer/);
  });

  test('reports what earlier probes found if the last ones get no answer', async () => {
    let answers = 2;
    const info = 'redis_version:7.0.0\r\nloading:1\r\nrole:master';
    const url = await stranger((socket, text) => {
      for (const [, command] of text.matchAll(/\*\d+\r\n\$\d+\r\n(\w+)/g)) {
        if (answers === 0) return;
        const isInfo = command?.toLowerCase() === 'info';
        socket.write(isInfo ? `$${info.length}\r\n${info}\r\n` : '+OK\r\n');
        if (isInfo) answers -= 1;
      }
    });
    expect(await refusal(url)).toMatch(/still loading/);
    expect(answers).toBe(0);
  });

  test.each([
    ['redis_version:6.0.16\r\nredis_mode:standalone\r\nrole:master', /6\.0\.16, which is too old/],
    ['redis_version:7.0.0\r\nloading:1\r\nrole:master', /still loading/],
  ])('reports %j', async (info, message) => {
    expect(await refusal(await impostor(info))).toMatch(message);
  });

  test('an abort ends the wait', async () => {
    const abort = new AbortController();
    const opening = openRedis(await stranger(() => {}), abort.signal);
    setTimeout(() => abort.abort(), 50);
    await expect(opening).rejects.toBeInstanceOf(InterruptedError);
    await expect(openRedis('redis://127.0.0.1:1', AbortSignal.abort())).rejects.toBeInstanceOf(
      InterruptedError,
    );
  });
});

describe('later', () => {
  let server: TestRedis;
  let redis: RedisConnection;
  let events: string[];

  beforeEach(async () => {
    server = await startRedis();
    redis = await openRedis(server.url);
    events = [];
    redis.onOutage(() => events.push('lost'));
    redis.onRecovery(() => events.push('back'));
  });
  afterEach(async () => {
    redis.close();
    await server.close();
  });

  test('a loss and its end are reported once, however long it lasts', async () => {
    await server.kill();
    await expect.poll(() => redis.outage?.isLost).toBe(true);
    const waiting = redis.client.ping();
    // Several attempts to connect fail.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(events).toEqual(['lost']);
    await server.restart({ keepData: false });
    expect(await waiting).toBe('PONG');
    expect(redis.outage).toBeNull();
    expect(events).toEqual(['lost', 'back']);
  });

  test('a close while Redis is away ends at once and rejects waiting commands', async () => {
    const other = redis.duplicate();
    await other.ping();
    await server.kill();
    await expect.poll(() => redis.outage?.isLost).toBe(true);
    const waiting = [redis.client.ping(), other.ping()];
    redis.close();
    const results = await Promise.allSettled(waiting);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });

  test('a close is not reported as a loss', async () => {
    redis.close();
    await expect.poll(() => redis.client.status).toBe('end');
    expect(events).toEqual([]);
  });
});

describe('a Redis is usable', () => {
  test('if it drops nothing', async () => {
    const redis = await open((await start()).url);
    await expect(requireUsableRedis(redis)).resolves.toBeUndefined();
  });

  test('unless it may drop jobs: the message names the setting', async () => {
    const server = await start({ settings: { 'maxmemory-policy': 'allkeys-lru' } });
    const redis = await open(server.url);
    await expect(requireUsableRedis(redis)).rejects.toThrow(
      /REDIS_URL .*maxmemory-policy allkeys-lru.*CONFIG SET maxmemory-policy noeviction/,
    );
  });

  test('by INFO, if CONFIG is forbidden', async () => {
    const server = await start({ settings: { 'maxmemory-policy': 'volatile-ttl' } });
    await server.command('ACL', 'SETUSER', 'default', '-config');
    const redis = await open(server.url);
    await expect(requireUsableRedis(redis)).rejects.toThrow(/volatile-ttl/);
  });

  test('if neither can be read', async () => {
    const server = await start({ settings: { 'maxmemory-policy': 'volatile-ttl' } });
    const redis = await open(server.url);
    await server.command('ACL', 'SETUSER', 'default', '-config', '-info');
    await expect(requireUsableRedis(redis)).resolves.toBeUndefined();
  });

  test('but not if it does not answer', async () => {
    const server = await start();
    const redis = await open(server.url);
    await server.kill();
    await expect(requireUsableRedis(redis)).rejects.toThrow(ActionRequiredError);
  });
});
