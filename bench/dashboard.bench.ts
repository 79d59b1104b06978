import { afterAll, beforeAll, test } from 'vitest';
import { openPagePool, type PagePool } from '../src/app/open-database.ts';
import { createSealedNames } from '../src/dashboard/sealed-names.ts';
import { snapshotId } from '../src/model/snapshot.ts';
import { openPool } from '../src/postgres/connection.ts';
import { createLogger } from '../src/telemetry/logger.ts';
import { openDashboard, type TestDashboard, TOKEN, VIEW_TOKEN } from '../test/support/dashboard.ts';
import { createTestDatabase, type TestDatabase } from '../test/support/postgres.ts';
import {
  email,
  fillMirror,
  LARGE_GROUP,
  LARGE_POOL,
  subOf,
  username,
} from './support/dashboard-mirror.ts';
import { type Figures, report } from './support/figures.ts';

/** `DASHBOARD_USERS=20000` for a quick look. */
const USERS = Number(process.env.DASHBOARD_USERS ?? 1_000_000);
const SIZE = { users: USERS, pools: 20, nights: 365 };
const LOADS = 20;
const VIEWERS = 50;
const WATCHED_MS = 20_000;

let database: TestDatabase;
let pages: PagePool;
let dashboard: TestDashboard;
let cases: Readonly<Record<string, PageRequest>>;

beforeAll(async () => {
  database = await createTestDatabase();
  const db = openPool(database.url, 1);
  cases = listCases(await fillMirror(db, SIZE));
  await db.end();
  pages = openPagePool(database.url, createLogger({ level: 'silent' }));
  dashboard = await openDashboard({ db: pages.db, databaseUrl: database.url });
}, 1_800_000);
afterAll(async () => {
  await dashboard?.close();
  await pages?.close();
  await database?.drop();
});

/** Pages of a large mirror, and what viewers with live updates cost. */
test('dashboard', async () => {
  // First, as nothing else runs yet: a held snapshot is compared beside its page.
  const figures: Record<string, Figures> = { 'live updates': await watch() };
  for (const [name, request] of Object.entries(cases)) figures[name] = await measure(request);
  await report('dashboard', figures);
}, 1_800_000);

interface PageRequest {
  readonly path: string;
  /** Sent as a form; without it, the page is loaded. */
  readonly form?: Readonly<Record<string, string>>;
}

function listCases(times: { readonly newest: Date; readonly held: Date }) {
  const names = createSealedNames({ act: TOKEN, view: VIEW_TOKEN });
  const pool = `/pools/${LARGE_POOL}`;
  const group = `${pool}/groups/${names.sealGroup(LARGE_POOL, LARGE_GROUP)}`;
  const snapshot = `${pool}/snapshots/${snapshotId(times.newest)}`;
  const search = (form: Record<string, string>) => ({
    path: `${pool}/people`,
    form: { attribute: '', comparison: 'is', scope: '', ...form },
  });
  const monthAgo = new Date(times.newest.getTime() - 30 * 86_400_000);
  const some = Math.ceil(USERS / 2);
  const user = { username: username(some), sub: subOf(some) };
  return {
    overview: { path: '/' },
    pool: { path: pool },
    'pool, a year': { path: `${pool}?days=365` },
    'snapshot, 2 % changed': { path: snapshot },
    'its changes by username': { path: snapshot, form: { filter: 'all', text: 'user-9' } },
    'its removed users': { path: snapshot, form: { filter: 'removed', text: '' } },
    'people by username': search({ text: username(some) }),
    'people by the beginning': search({ text: 'user-7', comparison: 'starts' }),
    'people by e-mail': search({ text: email(some).toUpperCase() }),
    'people by sub': search({ text: subOf(some) }),
    'people by an attribute': search({ attribute: 'custom:team', text: 't-7' }),
    'people by an attribute without a match': search({ attribute: 'custom:team', text: 'none' }),
    'people in no pool': search({ text: 'missing@example.com', scope: 'all' }),
    user: { path: `${pool}/users/${names.sealUser(LARGE_POOL, user)}` },
    'group of all users': { path: group },
    'the same a month ago': { path: `${group}?at=${monthAgo.toISOString().slice(0, 10)}` },
    'held snapshot': { path: `${pool}/snapshots/${snapshotId(times.held)}/release` },
    queue: { path: '/queue' },
    health: { path: '/health' },
  } satisfies Record<string, PageRequest>;
}

async function load({ path, form }: PageRequest): Promise<number> {
  const started = performance.now();
  const answer = await fetch(dashboard.url + path, {
    method: form === undefined ? 'GET' : 'POST',
    headers: { Authorization: `Bearer ${TOKEN}`, Accept: 'text/html' },
    ...(form && { body: new URLSearchParams(form) }),
  });
  await answer.text();
  if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}.`);
  return performance.now() - started;
}

async function measure(request: PageRequest): Promise<Figures> {
  const first = await load(request);
  const times: number[] = [];
  const before = process.cpuUsage();
  for (let n = 0; n < LOADS; n += 1) times.push(await load(request));
  const { user, system } = process.cpuUsage(before);
  times.sort((a, b) => a - b);
  const share = (part: number) => times[Math.ceil(part * LOADS) - 1] ?? Number.NaN;
  return {
    'first: ms': first,
    'p50: ms': share(0.5),
    'p95: ms': share(0.95),
    // Server and client together, without Postgres.
    'processor: ms': (user + system) / 1000 / LOADS,
  };
}

/** The share of a core that this process spends while viewers read events: server and clients together. */
async function watch(): Promise<Figures> {
  const watched = await openDashboard({ db: pages.db, databaseUrl: database.url });
  const streams = await Promise.all(Array.from({ length: VIEWERS }, () => watched.get('/events')));
  let bytes = 0;
  const reading = streams.map(async ({ body }) => {
    for await (const chunk of body ?? []) bytes += (chunk as Uint8Array).length;
  });
  const started = performance.now();
  const before = process.cpuUsage();
  await new Promise((resolve) => {
    setTimeout(resolve, WATCHED_MS);
  });
  const { user, system } = process.cpuUsage(before);
  const share = (user + system) / 1000 / (performance.now() - started);
  await watched.close();
  await Promise.all(reading);
  return { viewers: VIEWERS, 'of a core: %': share * 100, 'received: kB': bytes / 1000 };
}
