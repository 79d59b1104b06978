import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type CliMirror, type EnvChange, openCliMirror } from '../support/cli-mirror.ts';
import { createTestDatabase, runSql } from '../support/postgres.ts';
import { type S3Server, startS3Server } from '../support/s3-server.ts';

let mirror: CliMirror;
let s3: S3Server;

beforeAll(async () => {
  mirror = await openCliMirror({ users: 20, groups: 2 });
  s3 = await startS3Server();
});
afterAll(async () => {
  await s3.close();
  await mirror.close();
});
beforeEach(() => mirror.simulator.denied.clear());

const HELD = 'us-east-1_Simulated/20261120T020000Z';

/** Commands that open the database; the second list also opens the archive. */
const WITH_DATABASE = ['sync', 'plan', 'status', `release ${HELD}`, `discard ${HELD}`, 'migrate'];
const WITH_ARCHIVE = ['sync', `release ${HELD}`];

/**
 * Runs a command that must fail with exit code 2, without standard output and without any call to the
 * service.
 *
 * @returns the subjects of the reported problems, one per line, each with a remedy.
 */
async function refused(args: readonly string[], change: EnvChange = {}): Promise<string[]> {
  const before = mirror.simulator.attempts.total;
  const { code, stdout, stderr } = await mirror.run(args, change);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(mirror.simulator.attempts.total).toBe(before);
  lastStderr = stderr;
  const all = stderr.trimEnd().split('\n');
  // `sync` also logs the outcome of each pool.
  const logged = all.filter((line) => line.startsWith('{'));
  for (const line of logged) expect(JSON.parse(line)).toMatchObject({ msg: 'snapshot failed' });
  const lines = all.filter((line) => !line.startsWith('{'));
  for (const line of lines) expect(line).toMatch(/^cognito-mirror: \S.*[.!?)`] [A-Z`].*\.$/);
  return lines.map((line) => line.split(': ')[1] ?? '');
}
let lastStderr = '';

describe.each(['sync', 'plan'])('%s and its pools', (command) => {
  it('says what to set if no pool is named', async () => {
    expect(await refused([command], { COGNITO_POOLS: undefined })).toEqual(['COGNITO_POOLS']);
    expect(lastStderr).toContain('us-east-1_Ab12Cd34');
    expect(lastStderr).toMatch(/`\S.* init` lists the pools/);
    expect(await refused([command], { COGNITO_POOLS: ' , ' })).toEqual(['COGNITO_POOLS']);
  });

  it('reports every malformed id, from the variable and the command line', async () => {
    const ids = ['us-east-1', 'us-east-1_Good', 'us-east-1_A-b', `us-east-1_${'x'.repeat(60)}`];
    expect(await refused([command], { COGNITO_POOLS: ids.join(',') })).toEqual(
      Array(3).fill('COGNITO_POOLS'),
    );
    expect(lastStderr).toMatch(/"us-east-1" .*\n.*"us-east-1_A-b" /);
    expect(lastStderr).not.toContain('us-east-1_Good');
    expect(await refused([command, ...ids])).toEqual(Array(3).fill('POOL'));
    expect(await refused([command, 'all', 'us-east-1_Good'])).toEqual(['POOL']);
  });

  it('requires the Region for `all`', async () => {
    expect(await refused([command], { COGNITO_POOLS: 'all' })).toEqual(['AWS_REGION']);
  });

  it('escapes control characters of a malformed id', async () => {
    await refused([command, 'us-east-1\u001b[2J']);
    expect(lastStderr).not.toContain('\u001b');
  });
});

describe('the environment', () => {
  it('is checked as a whole: all wrong values and unknown names are reported at once', async () => {
    const subjects = await refused(['sync'], {
      COGNITO_POOLS: 'arn:aws:nonsense',
      DATABASE_URL: 'mysql://user:hunter2@host/db',
      REDIS_URL: 'http://host',
      ARCHIVE_URL: 'ftp://host/folder',
      ARCHIVE_FORMATS: 'parquet,orc',
      ARCHIVE_FORMAT: 'parquet',
      MIRROR_QUOTA_SHARE: '80%',
      MIRROR_USER_LIST_RPS: '0',
      MIRROR_MAX_REMOVED_RATIO: '2',
      MIRROR_HISTORY_DAYS: '1.5',
      MIRROR_QOUTA_SHARE: '0.5',
      LOG_LEVEL: 'loud',
    });
    expect(subjects.sort()).toEqual([
      'ARCHIVE_FORMAT',
      'ARCHIVE_FORMATS',
      'ARCHIVE_URL',
      'COGNITO_POOLS',
      'DATABASE_URL',
      'LOG_LEVEL',
      'MIRROR_HISTORY_DAYS',
      'MIRROR_MAX_REMOVED_RATIO',
      'MIRROR_QOUTA_SHARE',
      'MIRROR_QUOTA_SHARE',
      'MIRROR_USER_LIST_RPS',
      'REDIS_URL',
    ]);
    expect(lastStderr).toContain('Did you mean MIRROR_QUOTA_SHARE?');
    expect(lastStderr).not.toContain('hunter2');
  });

  it.each([...WITH_DATABASE, 'list users us-east-1_Simulated', 'query TABLE', 'db'])(
    'is checked by %s',
    async (command) => {
      const change = { MIRROR_MAX_REMOVED_RATIO: '-1', LOG_LEVEL: 'loud' };
      const subjects = await refused(command.split(' '), change);
      expect(subjects).toEqual(['MIRROR_MAX_REMOVED_RATIO', 'LOG_LEVEL']);
    },
  );
});

describe.each(WITH_DATABASE)('the database, of %s', (command) => {
  const args = command.split(' ');
  const changed = (change: Partial<URL>) => {
    const url = Object.assign(new URL(mirror.databaseUrl), change);
    return { DATABASE_URL: url.href };
  };

  it.each([
    ['that nothing serves', { port: '1' }, /no server listens at this address\. Start the server/],
    ['whose password is wrong', { password: 'hunter2' }, /refuses this user or password\. /],
    ['that does not exist', { pathname: '/none' }, /the database does not exist\. Create it/],
  ])('%s is refused without showing its password', async (_, change, message) => {
    const { password } = new URL(mirror.databaseUrl);
    const [subject] = await refused(args, changed(change));
    expect(subject).toMatch(/^DATABASE_URL \(postgres:\/\/.*\)$/);
    expect(lastStderr).toMatch(message);
    expect(lastStderr).not.toContain(password);
    expect(lastStderr).not.toContain('hunter2');
  });

  it('that a newer program has changed is refused', async () => {
    const newer = await createTestDatabase();
    try {
      await runSql(
        newer.url,
        `INSERT INTO mirror.migrations (name, run_on) VALUES ('9999_later', now())`,
      );
      expect(await refused(args, { DATABASE_URL: newer.url })).toEqual(['database schema']);
      expect(lastStderr).toContain('by a newer cognito-mirror (9999_later)');
    } finally {
      await newer.drop();
    }
  });

  it('cannot be embedded below a file', async () => {
    const file = join(mirror.folder, 'file');
    writeFileSync(file, '');
    const change = { DATABASE_URL: undefined, MIRROR_HOME: join(file, 'home') };
    expect(await refused(args, change)).toContain('embedded Postgres');
    expect(lastStderr).toContain('MIRROR_HOME');
  });
});

describe.each(WITH_ARCHIVE)('the archive, of %s', (command) => {
  const args = command.split(' ');

  it('cannot be a folder below a file', async () => {
    const file = join(mirror.folder, 'file');
    writeFileSync(file, '');
    const ARCHIVE_URL = pathToFileURL(join(file, 'archive')).href;
    expect(await refused(args, { ARCHIVE_URL })).toEqual(['ARCHIVE_URL']);
    expect(lastStderr).toContain('cannot be written (ENOTDIR)');
  });

  it('cannot be a bucket that is missing, in another Region, forbidden or unreachable', async () => {
    const onS3 = (more: EnvChange = {}) => ({
      ARCHIVE_URL: 's3://archive/prefix',
      AWS_ENDPOINT_URL_S3: s3.url,
      AWS_REGION: 'us-east-1',
      ...more,
    });
    expect(await refused(args, onS3({ ARCHIVE_URL: 's3://missing' }))).toEqual(['ARCHIVE_URL']);
    expect(lastStderr).toContain('the bucket missing does not exist. Create the bucket');
    expect(await refused(args, onS3({ AWS_REGION: 'eu-west-1' }))).toEqual(['ARCHIVE_URL']);
    expect(lastStderr).toContain('Set AWS_REGION to us-east-1.');
    expect(await refused(args, onS3({ AWS_REGION: undefined }))).toEqual(['AWS_REGION']);
    s3.fault = () => 'AccessDenied';
    expect(await refused(args, onS3())).toEqual(['ARCHIVE_URL']);
    expect(lastStderr).toMatch(/Allow the IAM action s3:\w+ on it/);
    s3.fault = () => null;
    expect(await refused(args, onS3({ AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:1' }))).toEqual([
      'ARCHIVE_URL',
    ]);
    expect(lastStderr).toContain('AWS_ENDPOINT_URL_S3');
  });

  it('is reported together with the database', async () => {
    const subjects = await refused(args, {
      DATABASE_URL: 'postgres://127.0.0.1:1/none',
      ARCHIVE_URL: 's3://missing',
      AWS_ENDPOINT_URL_S3: s3.url,
      AWS_REGION: 'us-east-1',
    });
    expect(subjects).toEqual(['DATABASE_URL (postgres://127.0.0.1:1/none)', 'ARCHIVE_URL']);
  });
});

describe('the service', () => {
  /** The errors of a `sync` that the service refuses and that ends with exit code 2. */
  async function syncRefused(args: readonly string[] = [], change: EnvChange = {}) {
    const { code, stderr } = await mirror.sync(args, change);
    expect(code).toBe(2);
    return stderr.split('\n').filter((line) => line.startsWith('cognito-mirror: '));
  }

  it('has no such pools: each is reported, and no snapshot starts', async () => {
    const lines = await syncRefused(['us-east-1_Gone', 'eu-west-1_Simulated']);
    expect(lines).toEqual([
      expect.stringMatching(/us-east-1_Gone: the pool does not exist in us-east-1.* Check the id/),
      expect.stringMatching(/eu-west-1_Simulated: the pool does not exist in eu-west-1/),
    ]);
    expect(await mirror.rows('SELECT FROM directory.snapshots')).toEqual([]);
  });

  it('is not called without credentials', async () => {
    const before = mirror.simulator.attempts.total;
    const none = { AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined };
    const [line] = await syncRefused([], none);
    expect(line).toMatch(/AWS credentials: not found.* Set AWS_PROFILE/);
    const listed = await mirror.run(['list', 'users', mirror.poolId], none);
    expect(listed).toMatchObject({ code: 2, stdout: '' });
    expect(listed.stderr).toContain('AWS credentials: not found');
    expect(mirror.simulator.attempts.total).toBe(before);
  });

  it.each(['DescribeUserPool', 'ListGroups', 'ListUsers', 'ListUsersInGroup'] as const)(
    'does not allow %s: the missing action is reported, and it is enough',
    async (operation) => {
      mirror.simulator.denied.set(operation, 'AccessDeniedException');
      const [line] = await syncRefused();
      expect(line).toContain(
        `may not call ${operation}. Allow the action cognito-idp:${operation}`,
      );
      expect(line).toContain('userpool/us-east-1_Simulated');
      // Once it is allowed, the same command succeeds.
      mirror.simulator.denied.clear();
      expect(await mirror.sync()).toMatchObject({ code: 0, reports: [{ state: 'archived' }] });
    },
  );

  it('does not allow ListUserPools, which `all` requires', async () => {
    mirror.simulator.denied.set('ListUserPools', 'AccessDeniedException');
    const [line] = await syncRefused([], { COGNITO_POOLS: 'all', AWS_REGION: 'us-east-1' });
    expect(line).toContain('Allow the action cognito-idp:ListUserPools on *');
  });

  it('has no pools in the Region of `all`', async () => {
    const [line] = await syncRefused([], { COGNITO_POOLS: 'all', AWS_REGION: 'eu-west-1' });
    expect(line).toMatch(/COGNITO_POOLS: .*eu-west-1/);
  });
});

describe('the command line', () => {
  it.each([
    [['snyc'], /unknown command 'snyc'/],
    [['sync', '--jsn'], /unknown option '--jsn'[\s\S]*--json/],
    [['plan', '--csv'], /unknown option '--csv'/],
    [['status', '--follow'], /unknown option '--follow'/],
    [['status', 'nonsense'], /POOL: "nonsense" is not a pool id, and no pool of this name/],
    [['demo', 'now'], /too many arguments/],
    [['demo', '--users', '5'], /unknown option '--users'/],
    [['simulator', '--port', 'http'], /--port/],
    [['simulator', '--pool', 'nonsense'], /--pool/],
  ])('%j is refused', async (args, message) => {
    const { code, stdout, stderr } = await mirror.run(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
  });
});
