import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { loadOptions } from '../../src/index.ts';
import { temporaryFolder } from '../support/temp.ts';

const URL_WITHOUT = 'postgres://mirror@db.example/directory';
const LINES = '# passwords\nother.example:*:*:*:wrong\ndb.example:5432:directory:mirror:a\\:b\n';

let home: string;
let file: string;
beforeEach(async () => {
  const { path, remove } = await temporaryFolder();
  onTestFinished(remove);
  home = path;
  file = join(home, '.pgpass');
  await writeFile(file, LINES, { mode: 0o600 });
});

async function loadPassword(env: Record<string, string>): Promise<string | null> {
  const { databaseUrl } = await loadOptions({ DATABASE_URL: URL_WITHOUT, ...env });
  return new URL(databaseUrl ?? '').searchParams.get('password');
}

test('the password file is that of the variables which were passed, and not of this process', async () => {
  vi.stubEnv('PGPASSFILE', '/proc/none');
  vi.stubEnv('PGPASSWORD', 'of-the-process');
  vi.stubEnv('HOME', '/proc/none');
  onTestFinished(() => void vi.unstubAllEnvs());
  expect(await loadPassword({ HOME: home })).toBe('a:b');
  expect(await loadPassword({ HOME: '/proc/none', PGPASSFILE: file })).toBe('a:b');
  expect(await loadPassword({ HOME: home, PGPASSWORD: 'given' })).toBe('given');
  expect(await loadPassword({ HOME: home, PGPASSWORD: '' })).toBe('a:b');
});

test.each(['/dev/null', '/proc/none', '/tmp'])(
  '%s is no password file, and no problem',
  async (path) => {
    expect(await loadPassword({ HOME: home, PGPASSFILE: path })).toBeNull();
  },
);

test('a file that others may read is refused if it has the password', async () => {
  await chmod(file, 0o640);
  await expect(loadPassword({ HOME: home })).rejects.toMatchObject({
    code: 'action_required',
    problems: [{ subject: file, remedy: `Run \`chmod 600 ${file}\`.` }],
  });
  await writeFile(file, '');
  expect(await loadPassword({ HOME: home })).toBeNull();
});
