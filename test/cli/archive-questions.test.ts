import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDestination } from '../../src/archive/open-destination.ts';
import { describeFile } from '../../src/archive/read-object.ts';
import { NEVER } from '../archive/support.ts';
import { type CliResult, runCli } from '../support/cli.ts';
import { type CliMirror, filesBelow, openCliMirror } from '../support/cli-mirror.ts';
import { setEnvironment } from '../support/environment.ts';
import { type S3Server, startS3Server } from '../support/s3-server.ts';

/** A mirror of two snapshots, its archive, and a copy of the archive in a bucket. */
let mirror: CliMirror;
let POOL: string;
let s3: S3Server;
let first: string;
const IN_S3 = 's3://archive/of/pools';

beforeAll(async () => {
  mirror = await openCliMirror({ users: 90, groups: 3 });
  POOL = mirror.poolId;
  const { pool } = mirror;
  const status = 'CONFIRMED';
  pool.createGroup('admins', { precedence: 1, roleArn: 'arn:aws:iam::123456789012:role/Admin' });
  for (const username of ['ann', 'bob', 'carol']) {
    pool.createUser({ username, status, attributes: { email: `${username}@example.com` } });
    pool.addToGroup(username, 'admins');
  }
  expect(await mirror.sync()).toMatchObject({ code: 0 });
  pool.updateAttributes('carol', { email: 'carol@example.org', name: '=Carol' });
  pool.removeFromGroup('bob', 'admins');
  pool.deleteUser('ann');
  pool.createUser({ username: 'ann', status, attributes: { email: 'other@example.com' } });
  expect(await mirror.sync()).toMatchObject({ code: 0 });
  const manifests = readdirSync(join(mirror.archive, `manifests/pool_id=${POOL}`)).sort();
  first = (manifests[0] ?? '').replace('.json', '');
  s3 = await startS3Server();
  const restore = setEnvironment(s3Environment());
  const bucket = await openDestination(IN_S3);
  for (const key of await filesBelow(mirror.archive)) {
    await bucket.put(key, await describeFile(join(mirror.archive, key)), NEVER);
  }
  restore();
}, 120_000);
afterAll(async () => {
  await s3?.close();
  await mirror?.close();
});

const s3Environment = () => ({
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
  AWS_REGION: 'us-east-1',
  AWS_ENDPOINT_URL_S3: s3.url,
});

const inFolder = () => pathToFileURL(mirror.archive).href;

/** Runs a command as a stranger, who has nothing but the right to read the archive. */
function runAlone(args: readonly string[]): Promise<CliResult> {
  return runCli(args, {
    cwd: mirror.folder,
    env: { HOME: mirror.folder, TMPDIR: join(mirror.folder, 'tmp'), ...s3Environment() },
  });
}

test.each<[string, (...more: string[]) => string[]]>([
  ['diff', (...more) => ['diff', POOL, ...more]],
  ['diff of one group', (...more) => ['diff', POOL, first, 'latest', '--group', 'admins', ...more]],
  ['history', (...more) => ['history', POOL, 'ann', ...more]],
  ['history by e-mail', (...more) => ['history', POOL, 'Carol@example.com', ...more]],
  ['access of a group', (...more) => ['access', POOL, 'admins', '--at', first, ...more]],
  ['access of a user', (...more) => ['access', POOL, '--user', 'bob', '--at', 'previous', ...more]],
])(
  '%s prints of an archive what it prints of the database',
  async (_, args) => {
    for (const form of [[], ['--json'], ['--csv']]) {
      const expected = await mirror.run(args(...form));
      expect(expected).toMatchObject({ code: 0, stderr: '' });
      expect(expected.stdout).not.toBe('');
      for (const archive of [inFolder(), IN_S3]) {
        const found = await runAlone(args(...form, '--archive', archive));
        expect(found).toMatchObject({ code: 0, stderr: '', stdout: expected.stdout });
      }
    }
    expect(readdirSync(join(mirror.folder, 'tmp'))).toEqual([]);
  },
  120_000,
);

test('an access review is exported from an archive and checked against it', async () => {
  const files = ['database.csv', 'archive.csv'].map((name) => join(mirror.folder, name));
  const [ofDatabase = '', ofArchive = ''] = files;
  const args = ['access-review', 'export', POOL, '--at', first, '--out'];
  expect(await mirror.run([...args, ofDatabase])).toMatchObject({ code: 0 });
  expect(await runAlone([...args, ofArchive, '--archive', IN_S3])).toMatchObject({ code: 0 });
  expect(readFileSync(ofArchive, 'utf8')).toBe(readFileSync(ofDatabase, 'utf8'));
  const [receipt, ofArchives] = files.map((file) =>
    JSON.parse(readFileSync(`${file}.receipt.json`, 'utf8')),
  );
  expect(ofArchives).toEqual({ ...receipt, exportedAt: expect.any(String) });

  const revoked = readFileSync(ofArchive, 'utf8').replaceAll(/,,,(?=\r\n)/g, ',revoke,,');
  writeFileSync(ofArchive, revoked);
  const expected = await mirror.run(['access-review', 'check', ofArchive, '--json']);
  expect(expected.code).toBe(1);
  const found = await runAlone(['access-review', 'check', ofArchive, '--json', '--archive', IN_S3]);
  expect(found).toMatchObject({ code: 1, stderr: '', stdout: expected.stdout });
  const { summary } = JSON.parse(found.stdout);
  // Bob's, and that of the person who was Ann.
  expect(summary.gone).toBe(2);
}, 120_000);

test('a state that only the database has is refused, and so is a bucket that is not there', async () => {
  const held = await runAlone(['diff', POOL, 'latest', 'held', '--archive', IN_S3]);
  expect(held).toMatchObject({ code: 2, stdout: '' });
  expect(held.stderr).toContain('TO: `held` is not in an archive: it needs the database.');
  const missing = await runAlone(['history', POOL, 'ann', '--archive', 's3://absent/of/pools']);
  expect(missing).toMatchObject({ code: 2, stdout: '' });
  expect(missing.stderr).toContain('absent');
});
