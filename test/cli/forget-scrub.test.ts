import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { createMirror, openArchive, type Report, renderReport } from '../../src/index.ts';
import { openCliMirror } from '../support/cli-mirror.ts';
import { startPostgres } from '../support/own-postgres.ts';
import { runSql } from '../support/postgres.ts';
import { everyKeyOf } from '../support/redis-keys.ts';
import { startRedis } from '../support/redis-server.ts';
import { uncompress } from '../support/uncompress.ts';

/**
 * The files below a folder that hold one of the texts, without compression and without the WAL, which no
 * command can reach.
 */
function filesWith(folder: string, texts: readonly string[]): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('pg_wal'))
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((path) => {
      const bytes = uncompress(path, readFileSync(path));
      return texts.some((text) => bytes.includes(text));
    });
}

const ENTITIES: Readonly<Record<string, string>> = { '&#39;': "'", '&amp;': '&', '&quot;': '"' };

/** All that a report says, as data, as a page, and as a person reads the page. */
async function textOf(report: Report): Promise<string> {
  const page = await renderReport(report);
  const read = page.replaceAll(/&[^;]+;/g, (entity) => ENTITIES[entity] ?? entity);
  return [JSON.stringify(report, (_, value) => (value instanceof Map ? [...value] : value)), page]
    .concat(read)
    .join('\n');
}

test('with --scrub, no file of the database, the archive or the mirror has a trace, nor have Redis, logs and reports', async () => {
  const server = await startPostgres();
  onTestFinished(() => server.close());
  const redis = await startRedis();
  onTestFinished(() => redis.close());
  const mirror = await openCliMirror({ users: 60, groups: 3 });
  onTestFinished(() => mirror.close());
  await runSql(server.url, 'CREATE DATABASE scrubbed');
  const url = new URL(server.url);
  url.pathname = '/scrubbed';
  const env = {
    DATABASE_URL: url.href,
    REDIS_URL: redis.url,
    ARCHIVE_FORMATS: 'parquet,jsonl,csv',
    LOG_LEVEL: 'debug',
  };
  let output = '';
  const attributes = {
    email: 'trace-one@scrub.example',
    phone_number: '+15559990001',
    name: "Tracy O'Scrub & Daughters",
  };
  const { pool } = mirror;
  const user = pool.createUser({ username: 'trace-username-one', attributes });
  // The report lists who is in a group with a role, and who is disabled there.
  pool.createGroup('auditors', { precedence: 0, roleArn: 'arn:aws:iam::1:role/Audit' });
  pool.addToGroup(user.username, 'auditors');
  const traces = [user.username, user.attributes.get('sub') ?? '', ...Object.values(attributes)];
  const sync = async () => {
    const { code, reports, stdout, stderr } = await mirror.sync([], env);
    expect(code, stderr).toBe(0);
    output += stdout + stderr;
    return {
      snapshot: reports[0]?.snapshot,
      users: [...pool.users()].length,
      memberships: [...pool.memberships()].length,
    };
  };
  const first = await sync();
  pool.changeUser(user.username, { enabled: false });
  const [modified = '', removed = ''] = [...pool.users()]
    .map(({ username }) => username)
    .filter((username) => username !== user.username);
  pool.changeUser(modified, { enabled: false });
  pool.createUser({ username: 'newcomer' });
  await sync();
  // Its statistics keep samples.
  await runSql(url.href, 'ANALYZE');
  await runSql(url.href, 'CHECKPOINT').catch(() => {});
  expect(filesWith(mirror.archive, traces).map((path) => path.split('.').at(-1))).toEqual(
    expect.arrayContaining(['parquet', 'gz']),
  );
  const options = { archiveUrl: mirror.env.ARCHIVE_URL ?? '', logger: 'silent' as const };
  const database = await createMirror({ ...options, databaseUrl: url.href });
  expect(await textOf(await database.report(mirror.poolId))).toContain(user.username);
  pool.deleteUser(user.username);

  const { code, stdout, stderr } = await mirror.run(
    ['forget', mirror.poolId, user.username, '--scrub'],
    env,
  );
  expect(code, stderr).toBe(0);
  expect(stderr).toMatch(/Rewriting .*directory\.users \(.*Each is locked/);
  output += stdout + stderr;
  expect((await mirror.run(['verify'], env)).code).toBe(0);
  const membershipsLost = [...pool.groupNamesOf(removed)].length;
  pool.deleteUser(removed);
  const last = await sync();

  const archive = await openArchive(options.archiveUrl);
  for (const source of [database, archive]) {
    const report = await source.report(mirror.poolId, { from: first.snapshot ?? '' });
    const text = await textOf(report);
    for (const trace of traces) expect(text).not.toContain(trace);
    expect(text).toContain('newcomer');
    expect(report.verdict).toMatchObject({
      complete: { answer: source === database ? 'yes' : 'unknown' },
      intact: { answer: 'yes' },
    });
    const { snapshot, users, memberships } = first;
    expect(report.from).toMatchObject({ snapshot, users: users - 1, memberships: memberships - 1 });
    expect(report.to).toMatchObject(last);
    expect(report.summary).toMatchObject({
      users: { added: 1, modified: 1, removed: 1, replaced: 0 },
      memberships: { added: 0, removed: membershipsLost },
    });
    expect(report.concerns.disabledPrivileged.total).toBe(0);
  }
  await database.close();
  const client = new Redis(redis.url);
  const keys = await everyKeyOf(client);
  client.disconnect();
  expect(keys).not.toEqual([]);
  for (const trace of traces) expect(output + keys.join('\n')).not.toContain(trace);
  // Stopping writes a checkpoint, which deletes the files of before.
  await server.stop();
  expect(filesWith(server.data, traces)).toEqual([]);
  expect(filesWith(mirror.folder, traces)).toEqual([]);
});
