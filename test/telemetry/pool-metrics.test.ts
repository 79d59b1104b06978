import { afterEach, expect, test } from 'vitest';
import { type HttpServer, startHttp } from '../../src/http/server.ts';
import { openPool, type Queryable } from '../../src/postgres/connection.ts';
import { openMetricsQuery } from '../../src/postgres/coordination/metrics.ts';
import { dropEndedStages } from '../../src/postgres/store/stage.ts';
import { failSnapshot } from '../../src/postgres/store/transitions.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { openMetrics } from '../../src/telemetry/metrics.ts';
import { begin, commitUsers, startWalk, user } from '../postgres/fixtures.ts';
import { openTestMirror, type TestMirror } from '../support/mirror.ts';
import { startRelay } from '../support/relay.ts';
import { readValues } from './scrape.ts';

const POOL = 'us-east-1_Simulated';
const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function openMirror(users: number, groups: number): Promise<TestMirror> {
  const mirror = await openTestMirror({ users, groups });
  closing.push(() => mirror.close());
  return mirror;
}

/** Scrapes a process that reads this database, over HTTP. */
async function scrape(db: Queryable, metrics = openMetrics()): Promise<string> {
  const server: HttpServer = await startHttp({
    settings: { host: '127.0.0.1', port: 0 },
    dashboard: null,
    metrics,
    queryMetrics: openMetricsQuery(db, () => metrics.recordPoolQueryError()),
    readiness: {},
    log: createLogger({ level: 'silent' }),
  });
  try {
    const answer = await fetch(`${server.url}/metrics`);
    expect(answer.status).toBe(200);
    return await answer.text();
  } finally {
    await server.close();
  }
}

test('shows the counts of the newest published snapshot and no names', async () => {
  const mirror = await openMirror(150, 6);
  await mirror.sync();
  const { pool } = mirror;
  const [gone, changed, other] = [...pool.users()].map(({ username }) => username);
  pool.deleteUser(gone ?? '');
  for (const username of [changed, other]) pool.changeUser(username ?? '', { enabled: false });
  pool.changeUser(changed ?? '', { enabled: true });
  for (const [number, username] of ['newcomer-1', 'newcomer-2', 'newcomer-3'].entries()) {
    pool.createUser({ username, attributes: { email: `${number}@newcomers.example` } });
  }
  const { report } = await mirror.sync();

  const text = await scrape(mirror.db);
  expect(readValues(text, 'cognito_mirror_postgres_up')).toEqual({ '': 1 });
  expect(readValues(text, 'cognito_mirror_snapshots')).toEqual({
    [`${POOL}/walking`]: 0,
    [`${POOL}/comparing`]: 0,
    [`${POOL}/held`]: 0,
    [`${POOL}/published`]: 0,
    [`${POOL}/archived`]: 2,
    [`${POOL}/failed`]: 0,
    [`${POOL}/discarded`]: 0,
  });
  expect(readValues(text, 'cognito_mirror_users')).toEqual({ [POOL]: 152 });
  expect(readValues(text, 'cognito_mirror_groups')).toEqual({ [POOL]: 6 });
  expect(readValues(text, 'cognito_mirror_memberships')).toEqual({
    [POOL]: [...pool.memberships()].length,
  });
  expect(report).toMatchObject({ added: 3, removed: 1 });
  expect(readValues(text, 'cognito_mirror_changed_users')).toEqual({
    [`${POOL}/added`]: 3,
    [`${POOL}/modified`]: report.modified,
    [`${POOL}/removed`]: 1,
  });
  expect(readValues(text, 'cognito_mirror_stage_bytes')).toEqual({ [POOL]: 0 });
  expect(readValues(text, 'cognito_mirror_pool_scheduled')).toEqual({ [POOL]: 0 });

  const names = [...pool.users()].flatMap(({ username, attributes }) => [
    username,
    attributes.get('sub') ?? username,
    attributes.get('email') ?? username,
  ]);
  for (const name of [...names, ...[...pool.groups()].map(({ groupName }) => groupName)]) {
    // Short names may be part of any word.
    if (name.length > 5) expect(text).not.toContain(name);
  }
});

test('shows the end and the success of the last attempt', async () => {
  const mirror = await openMirror(5, 0);
  const attempt = async () => {
    const text = await scrape(mirror.db);
    const [at] = Object.values(readValues(text, 'cognito_mirror_last_attempt_timestamp_seconds'));
    return { at, success: readValues(text, 'cognito_mirror_last_attempt_success') };
  };
  expect(await attempt()).toEqual({ at: undefined, success: {} });
  const before = Date.now() / 1000;
  await mirror.sync();
  const { at, success } = await attempt();
  expect(success).toEqual({ [POOL]: 1 });
  expect(at).toBeGreaterThan(before - 5);
  expect(at).toBeLessThan(Date.now() / 1000 + 5);
  mirror.proxy.before = () => ({ __type: 'ResourceNotFoundException', message: 'gone' });
  expect((await mirror.sync()).outcome).toBe('failed');
  expect((await attempt()).success).toEqual({ [POOL]: 0 });
});

test('shows listed pools, but not pools that were only attempted', async () => {
  const mirror = await openMirror(1, 0);
  await mirror.rows(
    `INSERT INTO mirror.attempts (pool_id, ended_at, outcome, reason)
     SELECT pool_id, now(), 'failed', 'a reason'
     FROM unnest(ARRAY['us-east-1_Typo', 'us-east-1_Listed']) AS pool_id`,
  );
  await mirror.rows(
    `INSERT INTO mirror.pools (pool_id, listed_at) VALUES ('us-east-1_Listed', now())`,
  );
  expect(readValues(await scrape(mirror.db), 'cognito_mirror_last_attempt_success')).toEqual({
    'us-east-1_Listed': 0,
  });
});

test('counts what Object Lock keeps of forgotten persons, each object once', async () => {
  const mirror = await openMirror(1, 0);
  await mirror.rows('INSERT INTO mirror.pools (pool_id, listed_at) VALUES ($1, now())', [POOL]);
  const count = async () =>
    readValues(await scrape(mirror.db), 'cognito_mirror_erasure_waiting_objects');
  expect(await count()).toEqual({ [POOL]: 0 });
  const object = (key: string) => ({ key, until: '2096-01-01T00:00:00.000Z', isHeld: false });
  for (const keys of [['a', 'a', 'b'], ['b', 'c'], []]) {
    await mirror.rows(
      `INSERT INTO mirror.erasures (pool_id, destination, persons, suppress, waiting, erased_at)
       VALUES ($1, 'file:///archive', '[]', false, $2, now())`,
      [POOL, JSON.stringify(keys.map(object))],
    );
  }
  expect(await count()).toEqual({ [POOL]: 3 });
});

test('measures ages from the start of a snapshot by the clock of Postgres', async () => {
  const mirror = await openMirror(1, 0);
  await mirror.rows(
    `INSERT INTO directory.snapshots (pool_id, snapshot, snapshot_at, state, users, groups,
       memberships, added, modified, removed)
     SELECT $1, state, date_trunc('second', clock_timestamp()) - make_interval(hours => hours),
       state, hours, 0, 0, 0, 0, 0
     FROM (VALUES ('archived', 5), ('published', 3), ('failed', 1)) AS s (state, hours)`,
    [POOL],
  );
  await mirror.rows(
    `INSERT INTO mirror.schedules (pool_id, pattern, timezone, due_at, starts_at)
     VALUES ($1, '0 2 * * *', 'UTC', now(), now()), ($2, '0 2 * * *', 'UTC', now(), now())`,
    [POOL, 'us-east-1_NotYet'],
  );
  const text = await scrape(mirror.db);
  const ages = readValues(text, 'cognito_mirror_snapshot_age_seconds');
  expect(Math.floor((ages[`${POOL}/published`] ?? 0) / 3600)).toBe(3);
  expect(Math.floor((ages[`${POOL}/archived`] ?? 0) / 3600)).toBe(5);
  expect(readValues(text, 'cognito_mirror_users')).toEqual({ [POOL]: 3 });
  expect(ages).toMatchObject({
    'us-east-1_NotYet/published': Number.POSITIVE_INFINITY,
    'us-east-1_NotYet/archived': Number.POSITIVE_INFINITY,
  });
  expect(readValues(text, 'cognito_mirror_pool_scheduled')).toEqual({
    [POOL]: 1,
    'us-east-1_NotYet': 1,
  });
});

test('counts ended requests by outcome', async () => {
  const mirror = await openMirror(1, 0);
  await mirror.sync();
  await mirror.rows(
    `INSERT INTO mirror.requests (pool_id, source, ended_at, outcome)
     SELECT $1, 'schedule', CASE WHEN outcome IS NOT NULL THEN now() END, outcome
     FROM unnest(ARRAY['done', 'done', 'failed', 'skipped', NULL]) AS outcome`,
    [POOL],
  );
  expect(readValues(await scrape(mirror.db), 'cognito_mirror_requests_ended')).toEqual({
    [`${POOL}/done`]: 2,
    [`${POOL}/held`]: 0,
    [`${POOL}/skipped`]: 1,
    [`${POOL}/failed`]: 1,
  });
});

test('shows the size of an open stage and 0 for an ended one', async () => {
  const mirror = await openMirror(1, 0);
  await mirror.sync();
  const lease = await begin(mirror.db, POOL);
  const walk = await startWalk(mirror.db, lease, {});
  await commitUsers(
    mirror.db,
    lease,
    walk,
    Array.from({ length: 500 }, (_, number) => user(`user-${number}`)),
    'more',
  );
  const [stage] = await mirror.rows<{ bytes: string }>(
    `SELECT sum(pg_total_relation_size(c.oid)) AS bytes
     FROM mirror.runs AS r JOIN pg_class AS c ON c.relname IN (
       'stage_' || stage || '_walks', 'stage_' || stage || '_users', 'stage_' || stage || '_groups',
       'stage_' || stage || '_memberships', 'stage_' || stage || '_confirmed')
     WHERE r.snapshot_at = $1`,
    [lease.snapshotAt],
  );
  expect(Number(stage?.bytes)).toBeGreaterThan(100_000);
  const open = await scrape(mirror.db);
  expect(readValues(open, 'cognito_mirror_stage_bytes')).toEqual({ [POOL]: Number(stage?.bytes) });

  await failSnapshot(mirror.db, lease, 'a reason');
  expect(readValues(await scrape(mirror.db), 'cognito_mirror_stage_bytes')).toEqual({ [POOL]: 0 });
  await dropEndedStages(mirror.db);
  expect(readValues(await scrape(mirror.db), 'cognito_mirror_stage_bytes')).toEqual({ [POOL]: 0 });
});

test('simultaneous and repeated scrapes run one query in Postgres', async () => {
  const mirror = await openMirror(1, 0);
  await mirror.sync();
  let queries = 0;
  const counted = {
    query: (...args: Parameters<Queryable['query']>) => {
      queries += 1;
      return mirror.db.query(...args);
    },
  } as Queryable;
  const read = openMetricsQuery(counted, () => {});
  const answers = await Promise.all(Array.from({ length: 20 }, () => read()));
  expect(await read()).toEqual(answers[0]);
  expect(answers[0]?.pools).toHaveLength(1);
  expect(queries).toBe(1);
});

test('a defect of the query is counted and is not reported as a database that is down', async () => {
  const mirror = await openMirror(1, 0);
  await mirror.sync();
  await mirror.db.query('ALTER TABLE mirror.attempts RENAME TO renamed');
  const text = await scrape(mirror.db);
  expect(readValues(text, 'cognito_mirror_postgres_up')).toEqual({ '': 1 });
  expect(readValues(text, 'cognito_mirror_pool_query_errors_total')).toEqual({ '': 1 });
  expect(readValues(text, 'cognito_mirror_users')).toEqual({});
});

test('a scrape without Postgres has the metrics of the process', async () => {
  const mirror = await openMirror(1, 0);
  await mirror.sync();
  const relay = await startRelay(mirror.databaseUrl);
  const silent = openPool(relay.url, 2);
  // A statement without an answer ends with its connection, and the pool after it.
  closing.push(() => silent.end());
  closing.push(() => relay.close());
  const away = openPool('postgres://someone@127.0.0.1:1/none', 2);
  closing.push(() => away.end());
  await silent.query('SELECT 1');
  relay.freeze();
  for (const db of [silent, away]) {
    const metrics = openMetrics();
    metrics.recordPage('ListUsers', 60);
    const text = await scrape(db, metrics);
    expect(readValues(text, 'cognito_mirror_postgres_up')).toEqual({ '': 0 });
    expect(readValues(text, 'cognito_mirror_pages_total')).toEqual({ ListUsers: 1 });
    expect(readValues(text, 'cognito_mirror_users')).toEqual({});
  }
});
