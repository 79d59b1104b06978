import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openPool } from '../../src/postgres/connection.ts';
import { openDashboard, type TestDashboard } from '../support/dashboard.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { type Relay, startRelay } from '../support/relay.ts';

let database: TestDatabase;
let relay: Relay;
let db: pg.Pool;
let dashboard: TestDashboard;
beforeAll(async () => {
  database = await createTestDatabase();
  relay = await startRelay(database.url);
  db = openPool(relay.url, 4, undefined, { statementMs: 3_000, waitMs: 3_000, silentMs: 4_000 });
  dashboard = await openDashboard({ db, databaseUrl: relay.url });
});
afterAll(async () => {
  await dashboard?.close();
  await db?.end();
  await relay?.close();
  await database?.drop();
});

test('while Postgres is silent, pages and live viewers say so; then both continue', async () => {
  const statusOf = async () => (await dashboard.get('/queue')).status;
  await expect.poll(statusOf).toBe(200);
  const stream = await dashboard.get('/events');
  let events = '';
  const reading = (async () => {
    for await (const chunk of stream.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      events += chunk;
    }
  })();
  const problems = () =>
    [...events.matchAll(/^data: (.*)$/gm)]
      .map(([, data]) => JSON.parse(data ?? ''))
      .filter(({ id }) => id === 'problem')
      .map(({ html }) => (html.includes('The database does not answer') ? 'silent' : html));
  await expect.poll(problems).toEqual(['']);
  relay.freeze();
  expect(await statusOf()).toBe(503);
  await expect.poll(problems).toEqual(['', 'silent']);
  relay.thaw();
  await expect.poll(statusOf).toBe(200);
  await expect.poll(problems).toEqual(['', 'silent', '']);
  await dashboard.close();
  await reading;
});
