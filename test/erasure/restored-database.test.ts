import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { openDestination } from '../../src/archive/open-destination.ts';
import { HashKey } from '../../src/privacy/hash-key.ts';
import { forgetPersons } from '../../src/runner/forget.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { NEVER } from '../archive/support.ts';
import { openTestMirror, type TestMirror } from '../support/mirror.ts';
import { privacyOf } from '../support/privacy.ts';

const TABLES = [
  'directory.users',
  'directory.user_history',
  'directory.memberships',
  'directory.membership_history',
];

/** Keeps rows of a person as a backup would, and brings them back without the erasure. */
async function keep(mirror: TestMirror, username: string): Promise<() => Promise<void>> {
  for (const table of TABLES) {
    await mirror.rows(
      `CREATE TABLE public.${table.split('.')[1]} AS SELECT * FROM ${table} WHERE username = '${username}'`,
    );
  }
  await mirror.rows('CREATE TABLE public.snapshots AS SELECT * FROM directory.snapshots');
  return async () => {
    for (const table of TABLES) {
      const copy = `public.${table.split('.')[1]}`;
      const columns = await mirror.rows<{ name: string }>(
        `SELECT attname AS name FROM pg_attribute
         WHERE attrelid = '${table}'::regclass AND attnum > 0 AND attgenerated = ''`,
      );
      const names = columns.map(({ name }) => name).join(', ');
      await mirror.rows(`INSERT INTO ${table} (${names}) SELECT ${names} FROM ${copy}`);
    }
    await mirror.rows(
      `UPDATE directory.snapshots AS s SET users = o.users, memberships = o.memberships
       FROM public.snapshots AS o WHERE o.pool_id = s.pool_id AND o.snapshot_at = s.snapshot_at`,
    );
    await mirror.rows('DELETE FROM mirror.erasures');
    await mirror.rows('DELETE FROM mirror.suppressed');
  };
}

test('a database that was restored from a backup forgets again, and leaves out', async () => {
  const mirror = await openTestMirror({ users: 30, groups: 2 });
  onTestFinished(() => mirror.close());
  const poolId = mirror.pool.settings.id;
  const destination = await openDestination(pathToFileURL(mirror.archive).href);
  const person = mirror.pool.createUser({ username: 'person-back' });
  mirror.pool.addToGroup(person.username, mirror.pool.groupNames()[0] ?? '');
  const formats = ['jsonl'] as const;
  expect((await mirror.sync({ formats })).error).toBeNull();
  const restore = await keep(mirror, person.username);
  const privacy = privacyOf(poolId);
  await forgetPersons(
    {
      ...{ db: mirror.db, databaseUrl: mirror.databaseUrl, destination, privacy },
      ...{ signer: null, lock: null, program: 'cognito-mirror/test', workFolder: mirror.work },
      findPresent: async (persons) => [...persons],
      log: createLogger({ level: 'silent' }),
    },
    poolId,
    { users: [person.username], suppress: true, reason: null, dryRun: false },
    NEVER,
  );
  const rows = () =>
    mirror.rows(
      TABLES.map((table) => `SELECT FROM ${table} WHERE username = $1`).join(' UNION ALL '),
      [person.username],
    );
  expect(await rows()).toEqual([]);
  await restore();
  expect(await rows()).not.toEqual([]);

  const other = privacyOf(poolId, {}, new HashKey('another key that has at least 32 characters'));
  const refused = await mirror.sync({ formats, privacy: other });
  expect(refused.error?.message).toContain('MIRROR_HASH_KEY');

  const outcome = await mirror.sync({ formats, privacy });
  expect(outcome.error).toBeNull();
  expect(outcome.report).toMatchObject({ state: 'archived', users: 30 });
  expect(await rows()).toEqual([]);
  expect(await mirror.rows('SELECT FROM mirror.erasures')).toHaveLength(1);
  expect(await mirror.rows('SELECT FROM mirror.suppressed')).toHaveLength(1);

  // Of a receipt that was changed, nothing is applied.
  const folder = join(mirror.archive, 'manifests', `pool_id=${poolId}`);
  const receipt = join(
    folder,
    readdirSync(folder).find((name) => name.startsWith('erasure-')) ?? '',
  );
  writeFileSync(receipt, readFileSync(receipt, 'utf8').replace('"kind": "erasure"', '"kind": "x"'));
  await mirror.rows('DELETE FROM mirror.erasures');
  const altered = await mirror.sync({ formats, privacy });
  expect(altered.error?.message).toContain('not as it was sealed');
});
