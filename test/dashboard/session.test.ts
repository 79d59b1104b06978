import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSlowDown } from '../../src/dashboard/slow-down.ts';
import { openPool } from '../../src/postgres/connection.ts';
import { openDashboard, type TestDashboard, TOKEN, VIEW_TOKEN } from '../support/dashboard.ts';
import { openTestMirror, type TestMirror } from '../support/mirror.ts';

let mirror: TestMirror;
let dashboard: TestDashboard;
beforeAll(async () => {
  mirror = await openTestMirror({ users: 10, groups: 1 });
  await mirror.sync();
  dashboard = await openDashboard(mirror);
});
afterAll(async () => {
  await dashboard?.close();
  await mirror?.close();
});

interface Sent {
  readonly method?: string;
  readonly cookie?: string;
  readonly headers?: Record<string, string>;
  readonly form?: Record<string, string>;
  readonly of?: TestDashboard;
}

/** A request as a browser sends it, from a page of the dashboard. */
function send(path: string, { method, cookie, headers, form, of = dashboard }: Sent = {}) {
  return fetch(of.url + path, {
    method: method ?? (form === undefined ? 'GET' : 'POST'),
    redirect: 'manual',
    headers: {
      Accept: 'text/html',
      Origin: of.url,
      ...(cookie !== undefined && { Cookie: cookie }),
      ...headers,
    },
    ...(form !== undefined && { body: new URLSearchParams(form) }),
  });
}

async function signIn(token: string, of = dashboard): Promise<string> {
  const answer = await send('/sign-in', { form: { token, next: '/' }, of });
  expect(answer.status).toBe(303);
  return answer.headers.get('Set-Cookie')?.split(';')[0] ?? '';
}

async function formTokenOf(cookie: string): Promise<string> {
  const page = await (await send('/', { cookie })).text();
  return /name="form_token" value="([^"]+)"/.exec(page)?.[1] ?? '';
}

test('asks for a token, and goes on to the page that was asked for', async () => {
  const asked = await send('/queue');
  expect([asked.status, asked.headers.get('Location')]).toEqual([302, '/sign-in?next=%2Fqueue']);
  const form = await (await send('/sign-in?next=%2Fqueue')).text();
  expect(form).toContain('name="next" value="/queue"');
  const answer = await send('/sign-in', { form: { token: TOKEN, next: '/queue' } });
  expect([answer.status, answer.headers.get('Location')]).toEqual([303, '/queue']);
});

test.each(['//elsewhere.example', '/\\elsewhere.example', 'https://elsewhere.example', 'x'])(
  'never goes on to %s',
  async (next) => {
    const answer = await send('/sign-in', { form: { token: TOKEN, next } });
    expect(answer.headers.get('Location')).toBe('/');
  },
);

test('the cookie is hidden from scripts and other sites, and signed', async () => {
  const answer = await send('/sign-in', { form: { token: TOKEN, next: '/' } });
  const set = answer.headers.get('Set-Cookie') ?? '';
  expect(set).toMatch(/; Max-Age=43200; Path=\/; HttpOnly; SameSite=Strict$/);
  expect(set).not.toContain(TOKEN);
  const cookie = set.split(';')[0] ?? '';
  expect((await send('/', { cookie })).status).toBe(200);
  const view = await signIn(VIEW_TOKEN);
  for (const wrong of [cookie.slice(0, -4), view.replace('view.', 'act.'), `${cookie}x`]) {
    expect([wrong, (await send('/', { cookie: wrong })).status]).toEqual([wrong, 302]);
  }
});

test('over a proxy with TLS, the cookie is sent over TLS only', async () => {
  const headers = { 'X-Forwarded-Proto': 'https' };
  const answer = await send('/sign-in', { form: { token: TOKEN, next: '/' }, headers });
  expect(answer.headers.get('Set-Cookie')).toContain('; Secure');
});

test('every worker of a fleet accepts a session, and a changed token ends it', async () => {
  const cookie = await signIn(TOKEN);
  const same = await openDashboard(mirror);
  const other = await openDashboard(
    mirror,
    {},
    { tokens: { act: TOKEN, view: `${VIEW_TOKEN}-changed` } },
  );
  try {
    expect((await send('/', { cookie, of: same })).status).toBe(200);
    expect((await send('/', { cookie, of: other })).status).toBe(302);
  } finally {
    await same.close();
    await other.close();
  }
});

test('refuses forms of other sites, and forms without the token of the session', async () => {
  const cookie = await signIn(TOKEN);
  const form = { form_token: await formTokenOf(cookie) };
  const elsewhere = { Origin: 'https://elsewhere.example', 'Sec-Fetch-Site': 'cross-site' };
  expect((await send('/sign-out', { cookie, form, headers: elsewhere })).status).toBe(403);
  expect((await send('/sign-out', { cookie, form: {} })).status).toBe(403);
  expect((await send('/sign-out', { cookie, form: { form_token: 'x' } })).status).toBe(403);
  const foreign = { form_token: await formTokenOf(await signIn(TOKEN)) };
  expect((await send('/sign-out', { cookie, form: foreign })).status).toBe(403);
  const token = { token: TOKEN, next: '/' };
  expect((await send('/sign-in', { form: token, headers: elsewhere })).status).toBe(403);
  // A form that is not sent as one.
  const headers = { 'Content-Type': 'application/json' };
  expect((await send('/sign-out', { cookie, method: 'POST', headers })).status).toBe(403);
  const left = await send('/sign-out', { cookie, form });
  expect([left.status, left.headers.get('Set-Cookie')]).toEqual([
    303,
    expect.stringContaining('Max-Age=0'),
  ]);
});

test('a program sends the token in a header, and gets errors as JSON', async () => {
  const ask = (token: string) =>
    fetch(`${dashboard.url}/nothing`, { headers: { Authorization: `Bearer ${token}` } });
  const known = await ask(TOKEN);
  expect([known.status, await known.json()]).toEqual([404, { error: 'Not found.' }]);
  const wrong = await ask('x');
  expect([wrong.status, wrong.headers.get('WWW-Authenticate')]).toEqual([401, 'Bearer']);
});

test('an answer loads and runs nothing from elsewhere, and is not stored', async () => {
  const { headers } = await dashboard.get('/');
  const policy = headers.get('Content-Security-Policy') ?? '';
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toContain('unsafe');
  expect(headers.get('Cache-Control')).toBe('no-store');
  const style = await fetch(`${dashboard.url}/assets/style.css`);
  const tag = style.headers.get('ETag') ?? '';
  const again = await fetch(`${dashboard.url}/assets/style.css`, {
    headers: { 'If-None-Match': tag },
  });
  expect([style.status, again.status]).toEqual([200, 304]);
});

test('after five wrong tokens an address waits, longer with each, and is forgotten later', () => {
  let now = 0;
  const slowDown = createSlowDown(() => now);
  const waits = Array.from({ length: 13 }, () => {
    const seconds = slowDown.waitSeconds('a');
    now += seconds * 1000;
    slowDown.countWrong('a');
    return seconds;
  });
  expect(waits).toEqual([0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60]);
  expect(slowDown.waitSeconds('b')).toBe(0);
  now += 15 * 60_000;
  expect(slowDown.waitSeconds('a')).toBe(0);
});

test('a wrong token is refused, and the sixth must wait', async () => {
  const own = await openDashboard(mirror);
  try {
    const statuses: number[] = [];
    for (let n = 0; n < 6; n += 1) {
      const answer = await send('/sign-in', { form: { token: 'wrong', next: '/' }, of: own });
      statuses.push(answer.status);
    }
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429]);
    const bearer = await own.get('/', 'wrong');
    expect([bearer.status, bearer.headers.get('Retry-After')]).toEqual([429, '1']);
    // Behind a proxy, all clients have this address.
    expect((await own.get('/')).status).toBe(200);
    const form = await send('/sign-in', { form: { token: TOKEN, next: '/' }, of: own });
    expect(form.status).toBe(303);
  } finally {
    await own.close();
  }
});

test('a page that runs into the limits of its connections says that the database does not answer', async () => {
  const limits = { statementMs: 100, waitMs: 2_000, silentMs: 60_000 };
  const db = openPool(mirror.databaseUrl, 1, undefined, limits);
  const own = await openDashboard({ db, databaseUrl: mirror.databaseUrl });
  const status = async () => (await own.get('/queue')).status;
  try {
    const busy = await db.connect();
    expect(await status()).toBe(503);
    busy.release();
    const locker = await mirror.db.connect();
    await locker.query('BEGIN; LOCK TABLE mirror.requests');
    expect(await status()).toBe(503);
    await locker.query('ROLLBACK');
    locker.release();
  } finally {
    await own.close();
    await db.end();
  }
});
