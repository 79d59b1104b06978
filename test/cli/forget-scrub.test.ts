import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openCliMirror } from '../support/cli-mirror.ts';
import { startPostgres } from '../support/own-postgres.ts';
import { runSql } from '../support/postgres.ts';

/** The files below a folder that hold one of the texts, without the WAL, which no command can reach. */
function filesWith(folder: string, texts: readonly string[]): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('pg_wal'))
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((path) => {
      const bytes = readFileSync(path);
      return texts.some((text) => bytes.includes(text));
    });
}

test('with --scrub, no file of the database, the archive or the mirror has a trace', async () => {
  const server = await startPostgres();
  onTestFinished(() => server.close());
  const mirror = await openCliMirror({ users: 60, groups: 3 });
  onTestFinished(() => mirror.close());
  await runSql(server.url, 'CREATE DATABASE scrubbed');
  const url = new URL(server.url);
  url.pathname = '/scrubbed';
  const env = { DATABASE_URL: url.href, ARCHIVE_FORMATS: 'jsonl' };
  const attributes = {
    email: 'trace-one@scrub.example',
    phone_number: '+15559990001',
    name: 'Tracy Scrubbed-One',
  };
  const user = mirror.pool.createUser({ username: 'trace-username-one', attributes });
  mirror.pool.addToGroup(user.username, mirror.pool.groupNames()[0] ?? '');
  const traces = [user.username, user.attributes.get('sub') ?? '', ...Object.values(attributes)];
  expect((await mirror.sync([], env)).code).toBe(0);
  mirror.pool.updateAttributes(user.username, { given_name: 'Tracy' });
  expect((await mirror.sync([], env)).code).toBe(0);
  // Its statistics keep samples.
  await runSql(url.href, 'ANALYZE');
  await runSql(url.href, 'CHECKPOINT').catch(() => {});
  mirror.pool.deleteUser(user.username);

  const { code, stdout, stderr } = await mirror.run(
    ['forget', mirror.poolId, user.username, '--scrub'],
    env,
  );
  expect(code, stderr).toBe(0);
  expect(stderr).toMatch(/Rewriting .*directory\.users \(.*Each is locked/);
  for (const trace of traces) expect(stdout + stderr).not.toContain(trace);
  await mirror.run(['verify'], env);
  expect((await mirror.sync([], env)).code).toBe(0);
  // Stopping writes a checkpoint, which deletes the files of before.
  await server.stop();
  expect(filesWith(server.data, traces)).toEqual([]);
  expect(filesWith(mirror.folder, traces)).toEqual([]);
});
