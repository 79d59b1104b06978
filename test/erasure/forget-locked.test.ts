import { expect, onTestFinished, test } from 'vitest';
import { openDestination } from '../../src/archive/open-destination.ts';
import { forgetPersons } from '../../src/runner/forget.ts';
import { readStatus } from '../../src/runner/status.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { useS3 } from '../archive/destinations.ts';
import { NEVER } from '../archive/support.ts';
import { openTestMirror } from '../support/mirror.ts';
import { privacyOf } from '../support/privacy.ts';
import { startS3Server } from '../support/s3-server.ts';
import type { S3Bucket } from '../support/s3-store.ts';

const DAY_MS = 86_400_000;

test('what Object Lock keeps is recorded with its date, and the first snapshot after it deletes it', async () => {
  const server = await startS3Server({ versions: 'object lock', pageSize: 100 });
  onTestFinished(() => server.close());
  useS3(server);
  const mirror = await openTestMirror({ users: 20, groups: 1 });
  onTestFinished(() => mirror.close());
  const destination = await openDestination('s3://archive/of/pools');
  await destination.check(NEVER);
  const bucket = server.buckets.get('archive') as S3Bucket;
  const poolId = mirror.pool.settings.id;
  const sync = async () => {
    const { error } = await mirror.sync({ destination, formats: ['jsonl'] });
    expect(error).toBeNull();
  };
  mirror.pool.createUser({ username: 'person-locked' });
  await sync();
  mirror.pool.deleteUser('person-locked');
  await sync();
  const until = new Date(Date.now() + DAY_MS);
  const versions = () => bucket.versions.filter(({ key }) => key.includes('/users/'));
  const locked = versions().filter(({ object }) => object !== null);
  for (const version of locked) version.retention = { mode: 'COMPLIANCE', until };

  const forgotten = await forgetPersons(
    {
      ...{ db: mirror.db, databaseUrl: mirror.databaseUrl, destination },
      ...{ signer: null, lock: null, program: 'cognito-mirror/test', workFolder: mirror.work },
      privacy: privacyOf(poolId),
      findPresent: async () => [],
      log: createLogger({ level: 'silent' }),
    },
    poolId,
    { users: ['person-locked'], suppress: false, reason: null, dryRun: false },
    NEVER,
  );
  expect(forgotten.waiting).toEqual([
    { key: expect.stringContaining('/users/'), until: until.toISOString(), isHeld: false },
  ]);
  const [old = ''] = forgotten.waiting.map(({ key }) => key);
  const statusOf = async () => (await readStatus(mirror.db, [poolId])).pools[0]?.waitingErasures;
  const isThere = () => bucket.versions.some(({ key }) => key.endsWith(old));
  const waiting = () =>
    mirror.rows<{ keys: number }>(
      'SELECT jsonb_array_length(waiting) AS keys FROM mirror.erasures',
    );

  // Not before its date.
  await sync();
  expect(isThere()).toBe(true);
  expect(await waiting()).toEqual([{ keys: 1 }]);
  const dates = { firstUntil: until, lastUntil: until };
  expect(await statusOf()).toEqual({ erasures: 1, objects: 1, held: 0, ...dates });

  await mirror.rows(
    "UPDATE mirror.erasures SET waiting = jsonb_set(waiting, '{0,until}', '\"2026-01-01T00:00:00.000Z\"')",
  );
  // The date was wrong: it is still locked, and stays recorded.
  await sync();
  expect(isThere()).toBe(true);
  expect(await waiting()).toEqual([{ keys: 1 }]);

  await mirror.rows(
    "UPDATE mirror.erasures SET waiting = jsonb_set(waiting, '{0,until}', '\"2026-01-01T00:00:00.000Z\"')",
  );
  for (const version of locked) version.retention = null;
  await sync();
  expect(isThere()).toBe(false);
  expect(await waiting()).toEqual([{ keys: 0 }]);
  expect(await statusOf()).toBeNull();
});
