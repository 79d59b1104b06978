import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { Check, Examination } from '../../src/doctor/check.ts';
// Loaded before it is used: the limit on a loaded machine is for the checks.
import '../../src/doctor/run-doctor.ts';
import { createFullReadiness } from '../../src/http/full-readiness.ts';
import { createMirror } from '../../src/index.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { openTestMirror } from '../support/mirror.ts';
import { temporaryFolder } from '../support/temp.ts';
import { serve } from './support.ts';

const TOKEN = 'a-token-of-sixteen-or-more';

const CHECKS: readonly Check[] = [
  { id: 'node', title: 'Node', state: 'ok', detail: 'Version 24.', remedy: null },
  { id: 'schedule/us-east-1_A', title: 'A', state: 'ok', detail: 'Tonight.', remedy: null },
  { id: 'schedule/us-east-1_B', title: 'B', state: 'failed', detail: 'Never.', remedy: 'Mend it.' },
];

test('readyz?full gives ids and states to all, and details to those with a token', async () => {
  let made = 0;
  const examine = async () => {
    made += 1;
    return { checks: CHECKS };
  };
  const server = await serve({ full: { examine, tokens: [TOKEN] } });
  const ask = async (authorization?: string) => {
    const headers = authorization === undefined ? {} : { Authorization: authorization };
    const answer = await fetch(`${server.url}/readyz?full`, { headers });
    return { status: answer.status, body: await answer.json() };
  };
  const states = [
    { id: 'node', state: 'ok' },
    { id: 'schedule', state: 'failed' },
  ];
  const hidden = { status: 503, body: { status: 'unready', checks: states } };
  try {
    expect(await ask()).toEqual(hidden);
    expect(await ask('Bearer wrong')).toEqual(hidden);
    expect((await ask(`Bearer ${TOKEN}`)).body).toEqual({ status: 'unready', checks: CHECKS });
    // Anyone may ask, so a result is reused.
    expect(made).toBe(1);
    expect(await (await fetch(`${server.url}/readyz`)).json()).toEqual({
      status: 'ready',
      checks: {},
    });
  } finally {
    await server.close();
  }
});

/** Asks with the token. */
async function ask(url: string): Promise<{ status: number; checks: readonly Check[] }> {
  const headers = { Authorization: `Bearer ${TOKEN}` };
  const answer = await fetch(`${url}/readyz?full`, { headers });
  const { checks } = (await answer.json()) as Examination;
  return { status: answer.status, checks };
}

test('readyz?full answers 503 where the examination fails', async () => {
  const examine = () => Promise.reject(new Error('the password is hunter2'));
  const server = await serve({ full: { examine, tokens: [TOKEN] } });
  onTestFinished(() => server.close());
  const { status, checks } = await ask(server.url);
  expect(status).toBe(503);
  expect(checks).toMatchObject([{ id: 'examination', state: 'failed' }]);
  expect(JSON.stringify(checks)).not.toContain('hunter2');
});

test('readyz?full answers before the server cuts the connection where the examination hangs', async () => {
  vi.useFakeTimers();
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const full = { examine: () => new Promise<never>(() => {}), tokens: [TOKEN] };
  const answering = createFullReadiness(full, createLogger({ level: 'silent' }))(undefined);
  await vi.advanceTimersByTimeAsync(6_900);
  const checks = [{ id: 'examination', state: 'failed' }];
  await expect(answering).resolves.toEqual({ status: 'unready', checks });
});

test('a database that never answers fails its checks, and the others are made', async () => {
  const sockets: Socket[] = [];
  const silent = createServer((socket) => sockets.push(socket.on('error', () => {})));
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const folder = await temporaryFolder();
  const mirror = await createMirror({
    home: join(folder.path, 'home'),
    databaseUrl: `postgres://someone@127.0.0.1:${port}/mirror`,
    pools: ['us-east-1_Silent'],
  });
  const examine = () => mirror.examine({ onlyQuick: true });
  const server = await serve({ full: { examine, tokens: [TOKEN] } });
  onTestFinished(async () => {
    await server.close();
    for (const socket of sockets) socket.destroy();
    silent.close();
    await mirror.close();
    await folder.remove();
  });
  const { status, checks } = await ask(server.url);
  expect(status).toBe(503);
  expect(checks.find(({ id }) => id === 'postgres')).toMatchObject({
    state: 'failed',
    detail: 'There was no answer within 4 s.',
  });
  expect(checks.find(({ id }) => id === 'home')?.state).toBe('ok');
});

test.each([
  ['all', 'all'],
  ['named', null],
] as const)(
  'the command `dashboard` makes the quick checks of pools, without a call: %s',
  async (_, given) => {
    const source = await openTestMirror({ users: 5, groups: 1 });
    await source.sync();
    const poolId = source.pool.settings.id;
    const [row] = await source.rows<{ name: string }>('SELECT name FROM directory.pools');
    const mirror = await createMirror({
      databaseUrl: source.databaseUrl,
      archiveUrl: pathToFileURL(source.archive).href,
      pools: given ?? [row?.name ?? ''],
      endpoints: { cognito: source.proxy.url },
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      region: 'us-east-1',
    });
    const stop = new AbortController();
    const http = { host: '127.0.0.1', port: 0, token: TOKEN };
    let serving: Promise<void> | undefined;
    const url = await new Promise<string>((resolve, reject) => {
      const onReady = (started: { readonly url: string }) => resolve(started.url);
      serving = mirror.dashboard({ http, onReady, signal: stop.signal }).catch(reject);
    });
    onTestFinished(async () => {
      stop.abort();
      await serving;
      await mirror.close();
      await source.close();
    });
    const calls: string[] = [];
    source.proxy.before = ({ operation }) => void calls.push(operation);
    const { checks } = await ask(url);
    expect(calls).toEqual([]);
    expect(checks.find(({ id }) => id === `last-snapshot/${poolId}`)?.state).toBe('ok');
    expect(checks.map(({ id }) => id)).toContain('postgres-schema');
  },
);

test('wrong tokens of readyz?full count like those of the dashboard', async () => {
  // The clock stands still, so that no wait ends during the test.
  vi.useFakeTimers({ toFake: ['performance'] });
  const examine = async () => ({ checks: CHECKS });
  const server = await serve({ token: TOKEN, full: { examine, tokens: [TOKEN] } });
  const ask = (path: string, token: string) =>
    fetch(server.url + path, { headers: { Authorization: `Bearer ${token}` } });
  try {
    for (let n = 0; n < 5; n += 1) await ask('/readyz?full', TOKEN);
    expect((await ask('/nothing', 'wrong')).status).toBe(401);
    for (let n = 0; n < 4; n += 1) expect((await ask('/readyz?full', 'wrong')).status).toBe(503);
    expect((await ask('/nothing', 'wrong')).status).toBe(429);
    expect(await (await ask('/readyz?full', TOKEN)).json()).toMatchObject({ checks: CHECKS });
  } finally {
    await server.close();
    vi.useRealTimers();
  }
});
