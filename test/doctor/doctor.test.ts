import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  type Check,
  createMirror,
  createSigningKey,
  examine,
  type MirrorOptions,
} from '../../src/index.ts';
import { type Simulator, startSimulator } from '../../src/simulator/index.ts';
import { createTestDatabase, runSql, type TestDatabase } from '../support/postgres.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';
import { type S3Server, startS3Server } from '../support/s3-server.ts';
import { type StsServer, startSts } from '../support/sts-server.ts';
import { temporaryFolder } from '../support/temp.ts';

const POOL = 'us-east-1_Doctor';
const ABORTS = `<Rule><ID>uploads</ID><Status>Enabled</Status><Filter><Prefix></Prefix></Filter>
  <AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>`;
const EXPIRES = `<Rule><ID>old</ID><Status>Enabled</Status><Filter><Prefix>cognito/</Prefix></Filter>
  <Expiration><Days>30</Days></Expiration></Rule>`;

let simulator: Simulator;
let redis: TestRedis;
let database: TestDatabase;
let s3: S3Server;
let sts: StsServer;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let options: MirrorOptions;

beforeAll(async () => {
  [simulator, redis, database, s3, sts, folder] = await Promise.all([
    startSimulator({ pools: [POOL], users: 20, groups: 2 }),
    startRedis(),
    createTestDatabase(),
    startS3Server({ versions: 'object lock', buckets: { archive: 'us-east-1' } }),
    startSts({ roles: [] }),
    temporaryFolder(),
  ]);
  options = {
    home: join(folder.path, 'home'),
    pools: [POOL],
    databaseUrl: database.url,
    redisUrl: redis.url,
    archiveUrl: 's3://archive/cognito',
    region: 'us-east-1',
    credentials: { accessKeyId: 'AKIADOCTOR', secretAccessKey: 'secret-of-the-doctor' },
    endpoints: { cognito: simulator.url, s3: s3.url, sts: sts.url },
  };
});

beforeEach(() => {
  s3.lifecycle = ABORTS;
});

afterAll(async () => {
  await Promise.all([simulator.close(), redis.close(), s3.close(), sts.close()]);
  await database.drop();
  await folder.remove();
});

/** Makes every check, with other options than the good ones. */
async function look(other: MirrorOptions = {}): Promise<readonly Check[]> {
  const mirror = await createMirror({ ...options, ...other });
  try {
    return (await mirror.examine()).checks;
  } finally {
    await mirror.close();
  }
}

async function find(id: string, other: MirrorOptions = {}): Promise<Check> {
  const found = (await look(other)).find((check) => check.id === id);
  return found ?? expect.fail(`no check ${id}`);
}

/** The first command of a remedy. */
function command({ remedy }: Check): string {
  return /`([^`]+)`/.exec(remedy ?? '')?.[1] ?? expect.fail(`no command in ${remedy}`);
}

test('everything is ok where nothing is wrong, and nothing is left behind', async () => {
  const mirror = await createMirror(options);
  const told: Check[] = [];
  const { checks } = await mirror.examine({ onCheck: (check) => told.push(check) });
  await mirror.close();
  // The tests' Node may be old, and their server is set to be quick.
  const wrong = checks.filter(({ state }) => state !== 'ok').map(({ id }) => id);
  expect(wrong.filter((id) => id !== 'node' && id !== 'postgres-settings')).toEqual([]);
  expect(told).toEqual(checks);
  expect(checks.map(({ id }) => id)).toEqual([
    'node',
    'packages',
    'configuration',
    'home',
    'credentials',
    'clock-aws',
    'pools',
    `pool/${POOL}`,
    `permissions/${POOL}`,
    'quota',
    'postgres',
    'postgres-schema',
    'postgres-rights',
    'postgres-settings',
    'postgres-connections',
    'postgres-space',
    'redis',
    'redis-eviction',
    'redis-rights',
    'redis-memory',
    'redis-persistence',
    'archive/s3://archive/cognito',
    'archive-protection/s3://archive/cognito',
    'archive-lifecycle/s3://archive/cognito',
    'signing-key',
    'clock-postgres',
    'clock-redis',
    `schedule/${POOL}`,
    `last-snapshot/${POOL}`,
    'http',
  ]);
  for (const { state, remedy } of checks) expect(remedy === null).toBe(state === 'ok');
  expect(checks.find(({ id }) => id === 'credentials')?.detail).toBe(
    'Account 123456789012, role mirror.',
  );
  await expect(readdir(folder.path)).resolves.not.toContain('home');
  expect(s3.buckets.get('archive')?.versions).toEqual([]);
  const keys = (await redis.command('KEYS', '*')) as string[];
  expect(keys.filter((key) => !key.startsWith('cognito-mirror/'))).toEqual([]);
});

test('a permission that is missing is named, and the call tries what docs/IAM.md allows', async () => {
  simulator.faults.set({ deny: { rate: 1, operations: ['ListUsersInGroup'] } });
  const denied = await find(`permissions/${POOL}`);
  simulator.faults.set({});
  expect(denied.state).toBe('failed');
  expect(denied.remedy).toContain('cognito-idp:ListUsersInGroup');
  const hashKey = 'a-key-of-at-least-32-characters-long';
  const { state, detail } = await find(`permissions/${POOL}`, { poolSettings: true, hashKey });
  expect(state).toBe('ok');
  const document = fileURLToPath(new URL('../../docs/IAM.md', import.meta.url));
  const [, own = '{}'] = /^```json\n([^`]*)/m.exec(readFileSync(document, 'utf8')) ?? [];
  const allowed = (JSON.parse(own).Statement as { Action: string | string[] }[])
    .flatMap(({ Action }) => Action)
    .filter((action) => /^cognito-idp:(?!ListUserPools$)/.test(action));
  const tried = detail.replace(/\.$/, '').split(', ');
  expect(tried.map((action) => `cognito-idp:${action}`).sort()).toEqual(allowed.sort());
});

test('a pool that does not exist fails, and leaves its permissions out', async () => {
  const checks = await look({ pools: ['us-east-1_Missing'] });
  expect(checks.find(({ id }) => id === 'pool/us-east-1_Missing')).toMatchObject({
    state: 'failed',
    detail: expect.stringContaining('does not exist in us-east-1'),
  });
  expect(checks.map(({ id }) => id)).not.toContain('permissions/us-east-1_Missing');
});

test('credentials that AWS refuses fail, and the others are made', async () => {
  sts.troubles.push({ status: 403, code: 'ExpiredToken' });
  const checks = await look();
  expect(checks.find(({ id }) => id === 'credentials')).toMatchObject({
    state: 'failed',
    detail: 'AWS credentials: they have expired.',
    remedy: expect.stringContaining('aws sso login'),
  });
  expect(checks.find(({ id }) => id === `permissions/${POOL}`)?.state).toBe('ok');
});

test('the command for the eviction policy of Redis mends it', async () => {
  await redis.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
  const wrong = await find('redis-eviction');
  expect(wrong.state).toBe('failed');
  await redis.command('CONFIG', ...command(wrong).split(' ').slice(1));
  expect((await find('redis-eviction')).state).toBe('ok');
});

test('the command for the memory of Redis mends it', async () => {
  const info = String(await redis.command('INFO', 'memory'));
  const used = Number(/used_memory:(\d+)/.exec(info)?.[1]);
  await redis.command('CONFIG', 'SET', 'maxmemory', Math.round(used * 1.1));
  const wrong = await find('redis-memory');
  expect(wrong.state).toBe('warning');
  await redis.command('CONFIG', ...command(wrong).split(' ').slice(1));
  expect((await find('redis-memory')).state).toBe('ok');
  await redis.command('CONFIG', 'SET', 'maxmemory', 0);
});

test('the statement for an unsafe setting of Postgres mends it', async () => {
  const name = new URL(database.url).pathname.slice(1);
  await runSql(database.url, `ALTER DATABASE ${name} SET synchronous_commit = off`);
  const wrong = await find('postgres-settings');
  expect(wrong).toMatchObject({
    state: 'warning',
    detail: expect.stringContaining('synchronous_commit is off'),
  });
  const [, statement = ''] = /`(ALTER DATABASE [^`]+)`/.exec(wrong.remedy ?? '') ?? [];
  await runSql(database.url, statement);
  expect((await find('postgres-settings')).detail).not.toContain('synchronous_commit');
});

test('the statement for a missing right of the role mends it', async () => {
  const [found] = await runSql(database.url, 'SELECT current_user AS role');
  const role = String(found?.['role']);
  await runSql(database.url, `REVOKE INSERT, UPDATE ON directory.users FROM ${role}`);
  const wrong = await find('postgres-rights');
  expect(wrong).toMatchObject({
    state: 'failed',
    detail: `The role ${role} lacks INSERT, UPDATE ON directory.users.`,
  });
  await runSql(database.url, command(wrong));
  expect((await find('postgres-rights')).state).toBe('ok');
});

test('a schema of a newer program fails', async () => {
  const rows = "INSERT INTO mirror.migrations (name, run_on) VALUES ('9999_later', now())";
  await runSql(database.url, rows);
  const newer = await find('postgres-schema');
  await runSql(database.url, "DELETE FROM mirror.migrations WHERE name = '9999_later'");
  expect(newer).toMatchObject({ state: 'failed', detail: expect.stringContaining('9999_later') });
});

test('a bucket that does not exist, keeps no versions or has no rules is named', async () => {
  const missing = await look({ archiveUrl: 's3://nowhere/cognito' });
  expect(missing.find(({ id }) => id.startsWith('archive/'))).toMatchObject({
    state: 'failed',
    detail: 'ARCHIVE_URL: the bucket nowhere does not exist.',
  });
  s3.lifecycle = '';
  expect(await find('archive-lifecycle/s3://archive/cognito')).toMatchObject({
    state: 'warning',
    remedy: expect.stringContaining('AbortIncompleteMultipartUpload'),
  });
  s3.lifecycle = ABORTS + EXPIRES;
  expect(await find('archive-lifecycle/s3://archive/cognito')).toMatchObject({
    state: 'failed',
    detail: 'Rules expire or move manifests: old.',
  });
  const plain = await startS3Server();
  const endpoints = { ...options.endpoints, s3: plain.url };
  const unversioned = await find('archive-protection/s3://archive/cognito', { endpoints });
  await plain.close();
  expect(unversioned.state).toBe('warning');
  expect(command(unversioned)).toContain('put-bucket-versioning --bucket archive');
});

test('the command for a folder that others may enter mends it', async () => {
  const path = join(folder.path, 'archive');
  await mkdir(path);
  await chmod(path, 0o755);
  const archiveUrl = pathToFileURL(path).href;
  const wrong = await find(`archive-folder/${archiveUrl}`, { archiveUrl });
  expect(wrong.state).toBe('warning');
  execFileSync('sh', ['-c', command(wrong)]);
  expect((await find(`archive-folder/${archiveUrl}`, { archiveUrl })).state).toBe('ok');
  expect(await readdir(path)).toEqual([]);
});

test('the command for a signing key that others can read mends it; signers must have it', async () => {
  const [key, other] = [createSigningKey(), createSigningKey()];
  const archiveSigningKey = join(folder.path, 'signing-key');
  const archiveSigners = join(folder.path, 'signers');
  await writeFile(archiveSigningKey, key.file, { mode: 0o644 });
  const wrong = await find('signing-key', { archiveSigningKey });
  expect(wrong.state).toBe('failed');
  execFileSync('sh', ['-c', command(wrong)]);
  expect((await find('signing-key', { archiveSigningKey })).state).toBe('ok');
  await writeFile(archiveSigners, `${other.allowedSigner}\n`);
  const unknown = await find('signing-key', { archiveSigningKey, archiveSigners });
  expect(unknown).toMatchObject({ state: 'warning', remedy: expect.stringContaining('keygen') });
  await writeFile(archiveSigners, `${key.allowedSigner}\n`);
  expect((await find('signing-key', { archiveSigningKey, archiveSigners })).state).toBe('ok');
});

test('where nothing answers, each check says so and what does not depend on it is made', async () => {
  const dead = 'http://127.0.0.1:1';
  const checks = await look({
    databaseUrl: 'postgres://mirror:hunter2222@127.0.0.1:1/mirror',
    redisUrl: 'redis://:hunter3333@127.0.0.1:1',
    endpoints: { cognito: dead, s3: dead, sts: dead },
    home: '/dev/null/home',
  });
  const failures = checks.filter(({ state }) => state === 'failed').map(({ id }) => id);
  expect(failures).toEqual([
    'home',
    'credentials',
    `pool/${POOL}`,
    'postgres',
    'redis',
    'archive/s3://archive/cognito',
  ]);
  expect(JSON.stringify(checks)).not.toMatch(/hunter/);
});

test('every problem of the settings is listed, the rest is examined, and no secret is shown', async () => {
  const secrets = {
    DATABASE_URL: 'mysql://mirror:sesame-1111@127.0.0.1:1/mirror',
    REDIS_URL: 'redis://:sesame-2222@127.0.0.1:1',
    MIRROR_HASH_KEY: 'sesame-3333-which-is-a-long-enough-key',
    MIRROR_HTTP_TOKEN: 'sesame-4444-which-is-long-enough',
    MIRROR_HTTP_VIEW_TOKEN: 'sesame-5555-which-is-long-enough',
    MIRROR_PING_URL: 'http://127.0.0.1:1/sesame-6666/{pool}',
    MIRROR_WEBHOOK_URL: 'https://127.0.0.1:1/sesame-7777',
    MIRROR_WEBHOOK_SECRET: `whsec_${Buffer.from('sesame-8888-which-is-a-key').toString('base64')}`,
    AWS_SECRET_ACCESS_KEY: 'sesame-9999',
    AWS_SESSION_TOKEN: 'sesame-0000',
  };
  const env = {
    ...secrets,
    MIRROR_HOME: join(folder.path, 'home'),
    ARCHIVE_URL: pathToFileURL(join(folder.path, 'nothing')).href,
    COGNITO_POOLS: POOL,
    MIRROR_QUOTA_SHARE: '7',
    MIRROR_SCHEDUL: '@daily',
  };
  const { checks } = await examine(env);
  const configuration = checks.find(({ id }) => id === 'configuration');
  expect(configuration?.state).toBe('failed');
  for (const name of ['DATABASE_URL', 'MIRROR_QUOTA_SHARE', 'MIRROR_SCHEDUL']) {
    expect(configuration?.detail).toMatch(new RegExp(`^${name}: `, 'm'));
    expect(configuration?.remedy).toMatch(new RegExp(`^${name}: `, 'm'));
  }
  expect(checks.map(({ id }) => id)).not.toContain('postgres');
  expect(checks.find(({ id }) => id === 'redis')?.state).toBe('failed');
  const text = JSON.stringify(checks);
  expect(text).not.toMatch(/sesame/);
  expect(text).not.toContain(secrets.MIRROR_WEBHOOK_SECRET);
});

test('what is wrong beside the variables leaves the right ones in use', async () => {
  const env = {
    DATABASE_URL: database.url,
    MIRROR_HOME: join(folder.path, 'home'),
    ARCHIVE_URL: pathToFileURL(join(folder.path, 'nothing')).href,
  };
  const quick = { onlyQuick: true };
  const named = await examine(env, { ...quick, pools: ['not a pool!'] });
  expect(named.checks.find(({ id }) => id === 'configuration')?.detail).toMatch(/^POOL: /m);
  expect(named.checks.find(({ id }) => id === 'postgres')?.state).toBe('ok');

  const others = join(folder.path, 'pgpass');
  await writeFile(others, '*:*:*:*:sesame', { mode: 0o644 });
  const filed = { ...env, DATABASE_URL: 'postgres://someone@127.0.0.1:1/none', PGPASSFILE: others };
  const { checks } = await examine(filed, quick);
  expect(checks.find(({ id }) => id === 'configuration')).toMatchObject({
    state: 'failed',
    remedy: `${others}: Run \`chmod 600 ${others}\`.`,
  });
  expect(checks.map(({ id }) => id)).not.toContain('postgres');
  expect(checks.find(({ id }) => id === 'home')?.detail).toContain(env.MIRROR_HOME);
});

test('an examination that is stopped rejects, and leaves nothing', async () => {
  const stop = new AbortController();
  const mirror = await createMirror(options);
  s3.after = () => {
    stop.abort();
    return null;
  };
  await expect(mirror.examine({ signal: stop.signal })).rejects.toMatchObject({
    code: 'interrupted',
  });
  s3.after = () => null;
  await mirror.close();
  expect(s3.buckets.get('archive')?.versions).toEqual([]);
});
