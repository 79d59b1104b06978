import { createConnection, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { HttpServer } from '../../src/http/server.ts';
import { until } from '../support/fleet.ts';
import { startStopwatch } from '../support/stopwatch.ts';
import { sendRaw, serve } from './support.ts';

const TOKEN = 'the-token-of-this-test';

let server: HttpServer;
beforeAll(async () => {
  server = await serve({ token: TOKEN });
});
afterAll(() => server.close());

/** Sends a raw request and returns the status line. */
async function fetchStatus(request: string): Promise<string> {
  const answer = await sendRaw(server.url, `${request}\r\nConnection: close\r\n\r\n`);
  expect(answer).not.toMatch(/root:|token-of-this-test|at .*\.(ts|js|mjs):/);
  return answer.split('\r\n')[0] ?? '';
}

function connect({ url }: HttpServer): Promise<Socket> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: hostname, port: Number(port) });
    socket.once('connect', () => resolve(socket)).on('error', reject);
    socket.on('error', () => {});
  });
}

const closed = (socket: Socket) => new Promise<void>((resolve) => socket.on('close', resolve));

test.each([
  '/../../../../etc/passwd',
  '/healthz/../../etc/passwd',
  '/%2e%2e/%2e%2e/etc/passwd',
  '/..%2f..%2fetc%2fpasswd',
  '/..%5c..%5cetc%5cpasswd',
  '/metrics%00.txt',
  '/%zz',
  '//etc/passwd',
  'file:///etc/passwd',
  'http://elsewhere/etc/passwd',
])('the path %s does not read a file', async (path) => {
  expect(await fetchStatus(`GET ${path} HTTP/1.1\r\nHost: x`)).toMatch(/^HTTP\/1\.1 40[014] /);
});

test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND'])(
  '%s is refused on every path',
  async (method) => {
    for (const path of ['/healthz', '/metrics', '/']) {
      const status = await fetchStatus(`${method} ${path} HTTP/1.1\r\nHost: x`);
      expect([path, status]).toEqual([path, expect.stringMatching(/^HTTP\/1\.1 40[0145] /)]);
    }
  },
);

test('refuses tunnels, other protocols and unknown methods', async () => {
  expect(await sendRaw(server.url, 'CONNECT other:443 HTTP/1.1\r\nHost: x\r\n\r\n')).not.toMatch(
    /^HTTP\/1\.1 2/,
  );
  expect(await fetchStatus('GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket')).toMatch(/ 401 /);
  expect(await fetchStatus('NONSENSE / HTTP/1.1\r\nHost: x')).toMatch(/ 400 /);
  expect(await sendRaw(server.url, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')).toMatch(/ 400 /);
});

test.each([
  ['without a host', 'GET /healthz HTTP/1.1'],
  ['with an invalid host', 'GET /healthz HTTP/1.1\r\nHost: a b'],
  [
    'with two lengths',
    'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked',
  ],
  ['with a folded header', 'GET /healthz HTTP/1.1\r\nHost: x\r\nX: a\r\n b'],
])('a request %s is refused', async (_, request) => {
  expect(await fetchStatus(request)).toMatch(/^HTTP\/1\.1 400 /);
});

test('reads a small body with the token only', async () => {
  const send = async (bytes: number, token?: string) => {
    const headers = token === undefined ? undefined : { Authorization: `Bearer ${token}` };
    const body = 'x'.repeat(bytes);
    return (await fetch(server.url, { method: 'POST', ...(headers && { headers }), body })).status;
  };
  expect(await send(65_537)).toBe(401);
  expect(await send(65_536, TOKEN)).toBe(404);
  expect(await send(65_537, TOKEN)).toBe(413);
});

/** The bound for clients that the server cuts off, whatever they do. */
const CUT_OFF_WITHIN_MS = 40_000;

/** Concurrent, because each test waits for a timeout of the server. */
describe.concurrent('clients that do not end their requests', () => {
  test.each([
    ['GET', 'without the token', ''],
    ['POST', 'without the token', ''],
    ['POST', 'with the token', `Authorization: Bearer ${TOKEN}\r\n`],
  ])('an endless %s %s is cut off', async (method, _, header) => {
    const socket = await connect(server);
    const end = closed(socket);
    const stopwatch = startStopwatch();
    socket.resume();
    socket.write(`${method} / HTTP/1.1\r\nHost: x\r\n${header}Transfer-Encoding: chunked\r\n\r\n`);
    const chunk = `1000\r\n${'x'.repeat(0x1000)}\r\n`;
    while (!socket.destroyed && socket.writable) {
      socket.write(chunk);
      await sleep(10);
    }
    await end;
    expect(stopwatch.elapsed()).toBeLessThan(CUT_OFF_WITHIN_MS);
  });

  test('a client that does not read the response is cut off', async () => {
    const socket = await connect(server);
    const end = closed(socket);
    const stopwatch = startStopwatch();
    socket.pause();
    const requests = 'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(100);
    while (!socket.destroyed) {
      socket.write(requests);
      await sleep(50);
    }
    await end;
    expect(stopwatch.elapsed()).toBeLessThan(CUT_OFF_WITHIN_MS);
  });

  test('silent and slow clients block others for a few seconds at most', async () => {
    const full = await serve();
    const sockets = await Promise.all(Array.from({ length: 100 }, () => connect(full)));
    const ends = sockets.map(closed);
    const stopwatch = startStopwatch();
    const [slow] = sockets;
    slow?.write('GET /healthz HTTP/1.1\r\nHost: ');
    const dripping = setInterval(() => slow?.write('x'), 500);
    for (const socket of sockets) socket.resume();
    await until('the server answers again', async () => {
      const answer = await fetch(`${full.url}/healthz`).catch(() => null);
      return answer?.status === 200;
    });
    await Promise.all(ends);
    expect(stopwatch.elapsed()).toBeLessThan(CUT_OFF_WITHIN_MS);
    clearInterval(dripping);
    await full.close();
  });
});
