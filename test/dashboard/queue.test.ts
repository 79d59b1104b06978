import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Examination } from '../../src/doctor/check.ts';
import { openPool } from '../../src/postgres/connection.ts';
import { openRequest } from '../../src/postgres/coordination/requests.ts';
import type { QueueJobs } from '../../src/runner/worker/list-jobs.ts';
import { auditPage, describeInBrowser, signIn } from '../support/browser.ts';
import { openDashboard, type TestDashboard, TOKEN, VIEW_TOKEN } from '../support/dashboard.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

const [FAILED, IDLE] = ['eu-west-1_Failed1', 'eu-west-1_Idle1'];
const REASON = 'The pool was deleted (ResourceNotFoundException).';

const JOBS: readonly QueueJobs[] = [
  {
    queue: 'walks',
    counts: { active: 1, failed: 0 },
    jobs: [
      {
        ...{ queue: 'walks', id: 'request-1-2-walk-3-4', state: 'delayed', poolId: IDLE },
        ...{ requestId: 1, addedAt: new Date(), attemptsLeft: 3, reason: 'Throttled for 30 s.' },
      },
    ],
  },
];
const EXAMINATION: Examination = {
  checks: [
    { id: 'node', title: 'Node', state: 'ok', detail: 'v20.20.2', remedy: null },
    {
      ...{
        id: 'redis-memory',
        title: 'Redis',
        state: 'failed',
        detail: 'redis.example evicts keys.',
      },
      remedy: 'Set maxmemory-policy to noeviction.',
    },
  ],
};

let database: TestDatabase;
let db: pg.Pool;
let dashboard: TestDashboard;
let examinations = 0;
beforeAll(async () => {
  database = await createTestDatabase();
  db = openPool(database.url, 4);
  await db.query(
    `INSERT INTO mirror.schedules (pool_id, pattern, timezone, due_at, starts_at)
     SELECT pool_id, '0 2 * * *', 'UTC', now(), now() FROM unnest($1::text[]) AS p (pool_id)`,
    [[FAILED, IDLE]],
  );
  await db.query(
    `INSERT INTO mirror.requests (pool_id, source, ended_at, outcome, reason)
     VALUES ($1, 'schedule', now(), 'failed', $2)`,
    [FAILED, REASON],
  );
  await db.query(
    `INSERT INTO mirror.workers (id, host, pid, version) VALUES ('w', 'host.example', 4711, '0.0.1')`,
  );
  dashboard = await openDashboard(
    { db, databaseUrl: database.url },
    {
      examine: async () => {
        examinations += 1;
        return EXAMINATION;
      },
    },
    {
      readServers: async () => [
        { name: 'postgres', problem: null },
        { name: 'redis', problem: 'Redis is not reachable.' },
      ],
      worker: {
        listJobs: async () => JOBS,
        listUsages: () => [
          ...[
            {
              scope: '111122223333/eu-west-1',
              bucket: 'UserList',
              rate: 12,
              allowed: 24,
              waiting: 3,
            },
          ],
        ],
      },
    },
  );
});
afterAll(async () => {
  await dashboard?.close();
  await db?.end();
  await database?.drop();
});

test('requests, jobs and checks are shown to the token that sees counts, without actions or details', async () => {
  const queue = await (await dashboard.get('/queue', VIEW_TOKEN)).text();
  expect(queue).toContain(REASON);
  expect(queue).toContain('Throttled for 30 s.');
  expect(queue).not.toContain('Retry');
  const health = await (await dashboard.get('/health', VIEW_TOKEN)).text();
  expect(health).not.toMatch(/host\.example|Check everything/);
  for (const path of ['/queue/requests', '/health/checks']) {
    const answer = await fetch(dashboard.url + path, {
      method: 'POST',
      headers: {
        Authorization: `Bearer ${VIEW_TOKEN}`,
        Origin: dashboard.url,
        Accept: 'text/html',
      },
      body: new URLSearchParams({ pool: FAILED }),
    });
    expect(answer.status).toBe(403);
  }
  expect(examinations).toBe(0);
  const { rows } = await db.query('SELECT FROM mirror.requests WHERE ended_at IS NULL');
  expect(rows).toHaveLength(0);
});

describeInBrowser('the queue and health', (browser) => {
  test('a failed request is retried, and a snapshot requested', async () => {
    const page = await browser.open();
    await signIn(page, `${dashboard.url}/queue`, TOKEN);
    expect(await page.locator('main').textContent()).toContain(REASON);
    await auditPage(page);
    await page.getByRole('button', { name: `Retry: ${FAILED}` }).click();
    await page.getByText(`A snapshot of ${FAILED} is requested.`).waitFor();
    await page.getByRole('button', { name: `Request: ${IDLE}` }).click();
    await page.getByText(`A snapshot of ${IDLE} is requested.`).waitFor();
    expect(await page.getByRole('button', { name: /Retry|Request:/ }).count()).toBe(0);
    const { rows } = await db.query(
      `SELECT pool_id FROM mirror.requests WHERE ended_at IS NULL AND source = 'trigger' ORDER BY 1`,
    );
    expect(rows.map((row) => row['pool_id'])).toEqual([FAILED, IDLE]);
    expect(await openRequest(db, IDLE, 'trigger')).toBeNull();
  });

  test('the checks of doctor run when somebody asks, and then stay for a while', async () => {
    const page = await browser.open();
    await signIn(page, `${dashboard.url}/health`, TOKEN);
    expect(examinations).toBe(0);
    await page.getByRole('button', { name: 'Check everything now' }).click();
    await page.getByText('Fix: Set maxmemory-policy').waitFor();
    const text = (await page.locator('main').textContent()) ?? '';
    for (const shown of ['Redis is not reachable.', 'host.example 4711', '0.0.1', 'UserList']) {
      expect(text).toContain(shown);
    }
    await auditPage(page);
    await page.reload();
    expect(await page.getByRole('button', { name: 'Check everything now' }).count()).toBe(0);
    expect(examinations).toBe(1);
    const seen = await (await dashboard.get('/health', VIEW_TOKEN)).text();
    expect(seen).toContain('✗ failed');
    expect(seen).not.toContain('redis.example');
  });
});
