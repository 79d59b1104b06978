import { afterEach, beforeEach, expect, test } from 'vitest';
import { openLocks } from '../../src/postgres/coordination/locks.ts';
import { createTestDatabase, runSql, type TestDatabase } from '../support/postgres.ts';
import { type Relay, startRelay } from '../support/relay.ts';

let database: TestDatabase;
let relay: Relay;

beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  await relay.close();
  await database.drop();
});

test('locks are kept through a proxy that cuts idle connections', async () => {
  const IDLE_MS = 5_000;
  relay = await startRelay(database.url, { idleMs: IDLE_MS });
  // A connection without traffic is cut, so the proxy does what it says.
  const cut = runSql(relay.url, 'SELECT pg_sleep(600)').catch((error: Error) => error.message);
  let isLost = false;
  const locks = await openLocks(relay.url, () => {
    isLost = true;
  });
  expect(await locks.lockPool('us-east-1_Idle')).toBe(true);
  expect(await cut).toMatch(/terminated/);
  // For as long again.
  expect(await runSql(relay.url, 'SELECT pg_sleep(600)').catch(() => 'cut')).toBe('cut');
  expect(isLost).toBe(false);
  expect(await locks.lockPool('us-east-1_Other')).toBe(true);
  await locks.unlock();
});
