import { createConnection } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterEach, expect, test } from 'vitest';
import type { HttpServer } from '../../src/http/server.ts';
import { ActionRequiredError } from '../../src/model/errors.ts';
import { openMetrics } from '../../src/telemetry/metrics.ts';
import { startStopwatch } from '../support/stopwatch.ts';
import { type ServeOptions, sendRaw, serve } from './support.ts';

const open: HttpServer[] = [];

async function start(options: ServeOptions = {}): Promise<string> {
  const server = await serve(options);
  open.push(server);
  return server.url;
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
});

const findProblems = (starting: Promise<unknown>) =>
  starting.then(
    () => [],
    (error: unknown) => (error instanceof ActionRequiredError ? error.problems : [error]),
  );

test('health is ok as long as the process responds', async () => {
  const answer = await fetch(`${await start()}/healthz`);
  expect(answer.status).toBe(200);
  expect(await answer.json()).toEqual({ status: 'ok' });
});

test('metrics have the text format of Prometheus', async () => {
  const answer = await fetch(`${await start()}/metrics`);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect(await answer.text()).toMatch(/^cognito_mirror_postgres_up 1$/m);
});

test('HEAD returns the status of GET without a body', async () => {
  const url = await start({
    readiness: {
      redis: async () => {
        throw new Error('away');
      },
    },
  });
  for (const [path, status] of [
    ['/healthz', 200],
    ['/readyz', 503],
    ['/metrics', 200],
    ['/', 404],
  ] as const) {
    const answer = await fetch(url + path, { method: 'HEAD' });
    expect([path, answer.status, await answer.text()]).toEqual([path, status, '']);
  }
});

test.each(['/', '/healthz/', '/metrics/x', '/users', '/..%2fhealthz'])(
  'without a token, %s is not found',
  async (path) => {
    const answer = await fetch((await start()) + path, { headers: { Authorization: 'Bearer x' } });
    expect(answer.status).toBe(404);
  },
);

test('an existing path rejects other methods', async () => {
  const url = await start();
  for (const method of ['POST', 'PUT', 'DELETE']) {
    const answer = await fetch(`${url}/metrics`, { method, body: 'x'.repeat(100_000) });
    expect([method, answer.status]).toEqual([method, 404]);
  }
});

const TOKEN = 'a token: long enough, and with ümlauts';
const encodeHeader = (text: string) => Buffer.from(text, 'utf8').toString('latin1');

test.each([
  ['no token', undefined, 401],
  ['another token', 'Bearer something else entirely', 401],
  ['the start of the token', `Bearer ${encodeHeader(TOKEN.slice(0, -1))}`, 401],
  ['an empty token', 'Bearer ', 401],
  ['another scheme', `Basic ${encodeHeader(TOKEN)}`, 401],
  ['the token', `Bearer ${encodeHeader(TOKEN)}`, 404],
  ['the token with a scheme in lower case', `bearer ${encodeHeader(TOKEN)}`, 404],
])('with a token set, other paths check the request: %s', async (_, given, status) => {
  const url = await start({ token: TOKEN });
  const headers: Record<string, string> = given === undefined ? {} : { Authorization: given };
  const answer = await fetch(`${url}/users`, { headers });
  expect(answer.status).toBe(status);
  expect(answer.headers.get('www-authenticate')).toBe(status === 401 ? 'Bearer' : null);
  expect(await answer.text()).not.toContain('ümlauts');
});

test('with a token set, health, readiness and metrics stay public', async () => {
  const url = await start({ token: TOKEN });
  for (const path of ['/healthz', '/readyz', '/metrics']) {
    expect([path, (await fetch(url + path)).status]).toEqual([path, 200]);
  }
});

test.each(['/healthz', '/readyz', '/metrics', '/nothing'])(
  '%s has the security headers and does not name the software',
  async (path) => {
    const { headers } = await fetch((await start()) + path);
    expect(headers.get('content-security-policy')).toBe(
      "default-src 'none'; frame-ancestors 'none'",
    );
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('x-frame-options')).toBe('DENY');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.has('server') || headers.has('x-powered-by')).toBe(false);
  },
);

test('an internal error is answered with 500, without its cause', async () => {
  const metrics = openMetrics();
  metrics.setSources({
    buckets: () => {
      throw new Error('row of alice@example.com');
    },
    queues: async () => [],
  });
  const answer = await fetch(`${await start({ metrics })}/metrics`);
  expect(answer.status).toBe(500);
  expect(await answer.text()).not.toContain('alice');
});

test('an HTTP/1.0 request, as some probes send it, needs no Host header', async () => {
  expect(await sendRaw(await start(), 'GET /healthz HTTP/1.0\r\n\r\n')).toMatch(
    /^HTTP\/1\.1 200 [\s\S]*\{"status":"ok"\}$/,
  );
});

test('oversized headers are refused', async () => {
  const url = await start();
  const request = `GET /healthz HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(10_000)}\r\n\r\n`;
  expect(await sendRaw(url, request)).toMatch(/^HTTP\/1\.1 431 /);
});

test('a client that never ends its request is disconnected', async () => {
  const url = await start();
  const stopwatch = startStopwatch();
  expect(await sendRaw(url, 'GET /healthz HTTP/1.1\r\nHost: x\r\n')).toMatch(/^HTTP\/1\.1 408 /);
  expect(stopwatch.elapsed()).toBeLessThan(30_000);
});

test('an IPv6 host can be served by its URL', async () => {
  const addresses = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  if (!addresses.some(({ address }) => address === '::1')) {
    // Containers often have no IPv6: then the error must name HOST.
    expect(await findProblems(serve({ host: '::1' }))).toMatchObject([{ subject: 'HOST' }]);
    return;
  }
  const url = await start({ host: '::1' });
  expect(url).toMatch(/^http:\/\/\[::1\]:\d+$/);
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
});

test('a port in use is a problem of PORT', async () => {
  const { port } = new URL(await start());
  expect(await findProblems(serve({ port: Number(port) }))).toEqual([
    expect.objectContaining({ subject: 'PORT', problem: `port ${port} on 127.0.0.1 is in use.` }),
  ]);
});

test.each(['192.0.2.1', 'no-such-host.invalid'])(
  'a host of another machine (%s) is a problem of HOST',
  async (host) => {
    expect(await findProblems(serve({ host }))).toEqual([
      expect.objectContaining({ subject: 'HOST', problem: expect.stringContaining(host) }),
    ]);
  },
);

test('closing ends idle and hanging connections', async () => {
  const never = new Promise<null>(() => {});
  const server = await serve({ queryMetrics: () => never });
  const { hostname, port } = new URL(server.url);
  const ends = [
    '',
    'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n',
    'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n',
    'GET /he',
  ].map(
    (text) =>
      new Promise<string>((resolve) => {
        const socket = createConnection({ host: hostname, port: Number(port) });
        socket.on('error', () => {});
        socket.on('close', () => resolve(text));
        socket.resume();
        socket.on('connect', () => socket.write(text));
      }),
  );
  // The server has accepted them all after it answered a later request.
  await (await fetch(`${server.url}/healthz`)).text();
  await Promise.all([server.close(), server.close()]);
  expect(await Promise.all(ends)).toHaveLength(4);
  await expect(fetch(`${server.url}/healthz`)).rejects.toThrow();
});

test('a request in progress is answered before the server closes', async () => {
  let closing: Promise<void> | undefined;
  const server = await serve({
    queryMetrics: async () => {
      closing = server.close();
      return null;
    },
  });
  expect((await fetch(`${server.url}/metrics`)).status).toBe(200);
  await closing;
  await expect(fetch(`${server.url}/healthz`)).rejects.toThrow();
});
