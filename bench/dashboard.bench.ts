import { afterAll, beforeAll, test } from 'vitest';
import { openPool } from '../src/postgres/connection.ts';
import { openDashboard, type TestDashboard } from '../test/support/dashboard.ts';
import { createTestDatabase, type TestDatabase } from '../test/support/postgres.ts';
import { report } from './support/figures.ts';

/** `DASHBOARD_USERS=20000` for a quick look. */
const USERS = Number(process.env.DASHBOARD_USERS ?? 1_000_000);
const POOLS = 20;
const NIGHTS = 90;
const LOADS = 20;
const VIEWERS = 50;
const WATCHED_MS = 20_000;

let database: TestDatabase;
let db: ReturnType<typeof openPool>;
let dashboard: TestDashboard;

beforeAll(async () => {
  database = await createTestDatabase();
  db = openPool(database.url, 10);
  await seed();
  dashboard = await openDashboard({ db, databaseUrl: database.url });
}, 900_000);
afterAll(async () => {
  await dashboard?.close();
  await db?.end();
  await database?.drop();
});

/** Pages of a large mirror, and what viewers with live updates cost. */
test('dashboard', async () => {
  const cases: Record<string, Record<string, number>> = {};
  for (const [name, path] of Object.entries({ overview: '/' })) {
    const first = await load(path);
    const times: number[] = [];
    for (let n = 0; n < LOADS; n += 1) times.push(await load(path));
    const sorted = times.toSorted((a, b) => a - b);
    cases[name] = {
      users: USERS,
      pools: POOLS,
      'first: ms': first,
      'median: ms': sorted[LOADS / 2] ?? Number.NaN,
      'at most: ms': sorted.at(-1) ?? Number.NaN,
    };
  }
  cases['live updates'] = await watch();
  await report('dashboard', cases);
}, 900_000);

async function load(path: string): Promise<number> {
  const started = performance.now();
  const answer = await dashboard.get(path);
  await answer.text();
  if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}.`);
  return performance.now() - started;
}

/** The share of a core that this process spends while viewers read events: server and clients together. */
async function watch(): Promise<Record<string, number>> {
  const streams = await Promise.all(
    Array.from({ length: VIEWERS }, () => dashboard.get('/events')),
  );
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
  await dashboard.close();
  await Promise.all(reading);
  return { viewers: VIEWERS, 'of a core: %': share * 100, 'received: kB': bytes / 1000 };
}

/** Pools of equal size, with a snapshot for each of many nights. */
async function seed(): Promise<void> {
  await db.query(
    `INSERT INTO directory.pools (pool_id, name, arn, account_id, region, estimated_users,
       custom_attributes, seen_at)
     SELECT 'us-east-1_Bench' || p, 'Pool ' || p,
       'arn:aws:cognito-idp:us-east-1:111122223333:userpool/us-east-1_Bench' || p, '111122223333',
       'us-east-1', $2, '{}', now()
     FROM generate_series(1, $1) AS p`,
    [POOLS, USERS / POOLS],
  );
  await db.query(
    `INSERT INTO directory.snapshots (pool_id, snapshot, snapshot_at, walked_at, state,
       published_at, archived_at, users, groups, memberships, added, modified, removed)
     SELECT 'us-east-1_Bench' || p, to_char(at AT TIME ZONE 'UTC', 'YYYYMMDD"T"HH24MISS"Z"'), at,
       at, 'archived', at, at, $3 - night * 10, 40, $3 * 2, 12, 30, 2
     FROM generate_series(1, $1) AS p, generate_series(0, $2 - 1) AS night
       CROSS JOIN LATERAL (
         SELECT date_trunc('second', now() - make_interval(days => night)) AS at
       ) AS times`,
    [POOLS, NIGHTS, USERS / POOLS],
  );
  await db.query(
    `INSERT INTO directory.users (pool_id, username, sub, status, enabled, created_at, modified_at,
       attributes, escaped, valid_from)
     SELECT 'us-east-1_Bench' || 1 + n % $2, 'user-' || n, gen_random_uuid(), 'CONFIRMED', true,
       now(), now(), jsonb_build_object('email', 'user-' || n || '@example.com'), '{}',
       date_trunc('second', now() - make_interval(days => $3 - 1))
     FROM generate_series(1, $1) AS n`,
    [USERS, POOLS, NIGHTS],
  );
  await db.query('ANALYZE');
}
