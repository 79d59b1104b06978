import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { PoolPlan } from '../../src/estimate/plan-pools.ts';
import {
  type CliMirror,
  type EnvChange,
  filesBelow,
  openCliMirror,
} from '../support/cli-mirror.ts';
import { startRedis } from '../support/redis-server.ts';
import { startSts } from '../support/sts-server.ts';

let mirror: CliMirror;

beforeEach(async () => {
  mirror = await openCliMirror({
    pools: [
      { id: 'us-east-1_Main', groups: 70 },
      { id: 'us-east-1_Other', users: 20 },
      { id: 'eu-west-1_Far', users: 30, account: '444455556666' },
    ],
    users: 1300,
    groups: 4,
  });
});
afterEach(() => mirror.close());

/** Runs `plan --json`, and gives the one document that it prints. */
async function planDocument(args: readonly string[] = [], change: EnvChange = {}) {
  const { code, stdout, stderr } = await mirror.run(['plan', '--json', ...args], change);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout.trimEnd().split('\n')).toHaveLength(1);
  return JSON.parse(stdout) as { pools: PoolPlan[]; seconds: number };
}

const operations = () =>
  new Set(mirror.simulator.attempts.entries().map(({ operation }) => operation));

describe('plan', () => {
  it('shows the cost of a first snapshot, and what is unknown', async () => {
    const { code, stdout, stderr } = await mirror.run(['plan'], { MIRROR_USER_LIST_RPS: '30' });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.split('\n');
    expect(lines[0]).toBe('us-east-1_Main  first snapshot');
    expect(stdout).toMatch(/^ {2}users {8}1,300\n {15}estimated by the service$/m);
    expect(stdout).toMatch(/^ {2}groups {7}70$/m);
    expect(stdout).toMatch(
      /^ {2}memberships {2}unknown\n {15}the members of 70 new groups are unknown: /m,
    );
    expect(stdout).toMatch(
      /^ {2}calls {8}at least 104: 31 ListUsers, 70 ListUsersInGroup, 2 ListGroups, 1 DescribeUserPool$/m,
    );
    expect(stdout).toMatch(/^ {2}time {9}at least 0:03: reading 0:03, publishing 0:00, /m);
    expect(stdout).toMatch(
      / reading is limited by the share of the quota: 30 calls per second: 0:03$/m,
    );
    expect(stdout).toMatch(/ the longest list takes 3 pages in sequence, \d+ ms each /m);
    expect(stdout).toMatch(/^ {2}database {5}at least 1,370 rows, 1\.2 MB more$/m);
    expect(stdout).toMatch(/^ {2}archive {6}at least 315 kB of parquet and jsonl$/m);
  });

  it('bases a later snapshot on the last one, its changes and its archive', async () => {
    const first = await mirror.sync();
    const before = await planDocument();
    expect(before.pools[0]).toMatchObject({ changedRows: null, databaseBytes: null });
    mirror.pool.updateAttributes([...mirror.pool.users()][0]?.username ?? '', { name: 'Other' });
    const [last] = (await mirror.sync()).reports;
    const { stdout } = await mirror.run(['plan']);
    expect(stdout).toMatch(new RegExp(`^us-east-1_Main  after snapshot ${last?.snapshot}$`, 'm'));
    expect(stdout).not.toContain('at least');
    expect(stdout).toMatch(/ assuming [\d.]+ items per page, as in the last snapshot$/m);
    expect(stdout).toMatch(/^ {2}database {5}1 row, 940 bytes more$/m);
    expect(stdout).toContain(`based on the rows of ${last?.archive?.manifest}\n`);
    const { pools } = await planDocument();
    expect(pools[0]?.calls.total).toBe(first.reports[0]?.apiCalls);
  });

  it('uses the last snapshot if the service estimates less', async () => {
    await mirror.sync(['us-east-1_Other']);
    mirror.simulator.pool('us-east-1_Other').estimatedUsers = 5;
    const { stdout } = await mirror.run(['plan', 'us-east-1_Other']);
    expect(stdout).toMatch(
      /^ {2}users {8}20\n {15}from the last snapshot; the service estimates 5$/m,
    );
  });

  it('prints one JSON document with --json', async () => {
    const change = { MIRROR_USER_LIST_RPS: '30', ARCHIVE_FORMATS: 'jsonl' };
    const { pools, seconds } = await planDocument(['us-east-1_Main'], change);
    const number = expect.any(Number);
    expect(pools).toEqual([
      {
        poolId: 'us-east-1_Main',
        accountId: '123456789012',
        region: 'us-east-1',
        lastSnapshot: null,
        users: 1300,
        estimatedUsers: 1300,
        groups: 70,
        memberships: null,
        unknownGroups: 70,
        calls: {
          describeUserPool: 1,
          listGroups: 2,
          listUsers: 31,
          listUsersInGroup: 70,
          adminGetUser: 0,
          total: 104,
        },
        itemsAPage: 60,
        callsASecond: 30,
        answerSeconds: number,
        longestChain: number,
        seconds: {
          quota: 3.367,
          chain: number,
          mfa: 0,
          publish: number,
          archive: number,
          total: seconds,
        },
        changedRows: 1370,
        databaseBytes: number,
        archive: { formats: ['jsonl'], bytes: number, manifest: null },
      },
    ]);
  });

  it('reads no user and writes nothing', async () => {
    await mirror.sync(['us-east-1_Other']);
    const rows = () =>
      mirror.rows(
        `SELECT (SELECT json_agg(p) FROM directory.pools AS p) AS pools,
           (SELECT json_agg(s) FROM directory.snapshots AS s) AS snapshots,
           (SELECT json_agg(r) FROM mirror.requests AS r) AS requests`,
      );
    const [before, files] = [await rows(), await filesBelow(mirror.folder)];
    mirror.simulator.attempts.clear();
    await planDocument(['us-east-1_Main', 'us-east-1_Other']);
    expect(operations()).toEqual(new Set(['DescribeUserPool', 'ListGroups']));
    expect(await rows()).toEqual(before);
    expect(await filesBelow(mirror.folder)).toEqual(files);
  });

  it('plans every pool of the Region if COGNITO_POOLS is `all`', async () => {
    const change = { COGNITO_POOLS: 'all', AWS_REGION: 'us-east-1' };
    const { pools } = await planDocument([], change);
    expect(pools.map(({ poolId }) => poolId).sort()).toEqual(['us-east-1_Main', 'us-east-1_Other']);
    expect(operations()).toEqual(new Set(['ListUserPools', 'DescribeUserPool', 'ListGroups']));
  });

  it('adds up the times of pools that share a quota, but not of others', async () => {
    const ids = ['us-east-1_Main', 'eu-west-1_Far', 'us-east-1_Other'];
    const { pools, seconds } = await planDocument(ids, { MIRROR_USER_LIST_RPS: '30' });
    expect(pools.map(({ poolId }) => poolId)).toEqual(ids);
    const [main = 0, , other = 0] = pools.map((plan) => plan.seconds.total);
    expect(seconds).toBeCloseTo(main + other, 3);
    const { stdout } = await mirror.run(['plan', ...ids]);
    expect(stdout).toMatch(/^All 3 pools: at least 118 calls, \d+:\d\d\. Pools of one account/m);
    expect(stdout.match(/^\S+ {2}first snapshot$/gm)).toHaveLength(3);
  });

  it("uses the pool's own role and archive, and the share of its account", async () => {
    await mirror.sync(['eu-west-1_Far', 'us-east-1_Other']);
    const arn = 'arn:aws:iam::444455556666:role/mirror';
    const sts = await startSts({ roles: [{ arn }] });
    onTestFinished(() => sts.close());
    const path = join(mirror.folder, 'mirror.yaml');
    writeFileSync(
      path,
      [
        'pools:',
        '  us-east-1_Other:',
        '  eu-west-1_Far:',
        `    role: { arn: '${arn}' }`,
        `    archiveUrl: file://${join(mirror.folder, 'elsewhere')}`,
        'accounts:',
        "  '444455556666':",
        '    eu-west-1:',
        '      quotaShare: 0.5',
        '      userListRps: 20',
      ].join('\n'),
    );
    const { pools } = await planDocument([], {
      MIRROR_CONFIG: path,
      COGNITO_POOLS: undefined,
      MIRROR_USER_LIST_RPS: '30',
      AWS_ENDPOINT_URL_STS: sts.url,
    });
    expect(
      pools.map(({ poolId, callsASecond, archive }) => [
        poolId,
        callsASecond,
        archive.manifest !== null,
      ]),
    ).toEqual([
      ['us-east-1_Other', 30, true],
      ['eu-west-1_Far', 10, false],
    ]);
    expect(existsSync(join(mirror.folder, 'elsewhere'))).toBe(false);
    expect(new Set(sts.requests.map(({ roleArn }) => roleArn))).toEqual(new Set([arn]));
  });

  it('needs only credentials and a pool on a machine without a mirror', async () => {
    const change = { DATABASE_URL: undefined, ARCHIVE_URL: undefined, COGNITO_POOLS: undefined };
    const { pools } = await planDocument(['us-east-1_Main'], change);
    expect(pools).toMatchObject([{ lastSnapshot: null, users: 1300, archive: { manifest: null } }]);
    expect(existsSync(join(mirror.folder, '.cognito-mirror'))).toBe(false);
  });

  it('uses the shared buckets in Redis and does not change the rate of walks', async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.close());
    const { pools } = await planDocument([], { REDIS_URL: redis.url, MIRROR_USER_LIST_RPS: '30' });
    expect(pools).toMatchObject([{ users: 1300, callsASecond: 30 }]);
    const keys = String(await redis.command('KEYS', '*'));
    expect(keys).toContain('us-east-1/UserPoolRead');
    expect(keys).toContain('123456789012/us-east-1/us-east-1_Main/ListGroups');
    expect(keys).not.toContain('UserList');
    const away = await mirror.run(['plan'], { REDIS_URL: 'redis://127.0.0.1:1' });
    expect(away).toMatchObject({ code: 2, stdout: '' });
    expect(away.stderr).toMatch(/REDIS_URL/);
  });

  it('plans without an archive that cannot be read, and warns', async () => {
    const { code, stdout, stderr } = await mirror.run(['plan', '--json'], {
      ARCHIVE_URL: 's3://archive',
      AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:1',
      AWS_REGION: 'us-east-1',
    });
    expect(code).toBe(0);
    expect(JSON.parse(stdout).pools[0].archive).toMatchObject({ manifest: null });
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(JSON.parse(stderr)).toMatchObject({
      level: 'warn',
      poolId: 'us-east-1_Main',
      msg: 'could not read the archive',
    });
  });
});

describe('a plan that fails', () => {
  it('plans the other pools, reports the failed one and exits with 1', async () => {
    const { code, stdout, stderr } = await mirror.run([
      ...['plan', '--json', 'us-east-1_Main', 'us-east-1_Gone', 'eu-west-1_Far'],
    ]);
    expect(code).toBe(1);
    expect(JSON.parse(stdout).pools.map(({ poolId }: PoolPlan) => poolId)).toEqual([
      'us-east-1_Main',
      'eu-west-1_Far',
    ]);
    expect(stderr).toMatch(/^cognito-mirror: us-east-1_Gone: the pool does not exist in us-east-1/);
  });

  it('exits with 2 if no pool can be planned', async () => {
    const { code, stdout, stderr } = await mirror.run(['plan', 'us-east-1_Gone']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/us-east-1_Gone: the pool does not exist in us-east-1.* Check the id/);
  });

  it.each(['DescribeUserPool', 'ListGroups'] as const)(
    'reports %s if it is not allowed, and needs no other action',
    async (operation) => {
      for (const other of ['ListUsers', 'ListUsersInGroup', 'AdminGetUser'] as const) {
        mirror.simulator.denied.set(other, 'AccessDeniedException');
      }
      mirror.simulator.denied.set(operation, 'AccessDeniedException');
      const { code, stdout, stderr } = await mirror.run(['plan']);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toContain(
        `may not call ${operation}. Allow the action cognito-idp:${operation}`,
      );
      mirror.simulator.denied.delete(operation);
      expect((await mirror.run(['plan'])).code).toBe(0);
    },
  );

  it('stops on a signal with exit code 130 and prints nothing', async () => {
    let reached = false;
    mirror.proxy.before = () => {
      reached = true;
      return new Promise(() => {});
    };
    const { child, result } = await mirror.start(['plan', '--json']);
    await expect.poll(() => reached).toBe(true);
    child.kill('SIGINT');
    expect(await result).toEqual({
      code: 130,
      stdout: '',
      stderr: 'cognito-mirror: Interrupted.\n',
    });
  });
});
