import { expect, onTestFinished, test, vi } from 'vitest';
import { saveFailedStart } from '../../src/app/save-failed-start.ts';
import { createMirror } from '../../src/index.ts';
import { openPool } from '../../src/postgres/connection.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { startRedis } from '../support/redis-server.ts';

const POOL = 'us-east-1_Ab12Cd34';

async function open() {
  const database = await createTestDatabase();
  const db = openPool(database.url, 2);
  const lines: { level: string; msg: string; reason?: string }[] = [];
  const write = (line: string) => void lines.push(JSON.parse(line));
  onTestFinished(async () => {
    await db.end();
    await database.drop();
  });
  const log = createLogger({ level: 'warn', destination: { write } });
  return { url: database.url, db, log, lines };
}

test('a start that failed for all pools is not recorded if they cannot be listed, and the log says so', async () => {
  const { db, log, lines } = await open();
  vi.stubEnv('AWS_REGION', 'us-east-1');
  onTestFinished(() => void vi.unstubAllEnvs());
  await db.query('ALTER TABLE directory.pools RENAME TO hidden');
  const never = new AbortController().signal;
  expect(await saveFailedStart({ db, log }, 'all', new Error('why'), never)).toEqual([]);
  expect(lines).toMatchObject([
    { level: 'warn', msg: 'could not record for which pools the start failed' },
  ]);
});

test('a worker that fails to start reports it, also if it cannot see other workers', async () => {
  const { url, db, log, lines } = await open();
  await db.query('ALTER TABLE mirror.workers RENAME seen_at TO hidden');
  const redis = await startRedis();
  onTestFinished(() => redis.close());
  const mirror = await createMirror({
    databaseUrl: url,
    archiveUrl: 'file:///dev/null/archive',
    redisUrl: redis.url,
    pools: [POOL],
    logger: log,
  });
  onTestFinished(() => mirror.close());
  await expect(mirror.worker()).rejects.toMatchObject({ code: 'action_required' });
  expect(lines.map(({ msg }) => msg)).toContain('could not record that the worker failed');
  expect((await db.query('SELECT FROM mirror.attempts')).rowCount).toBe(0);
});
