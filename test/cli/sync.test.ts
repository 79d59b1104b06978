import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CliMirror, filesBelow, openCliMirror, reportsOf } from '../support/cli-mirror.ts';

let mirror: CliMirror;

beforeEach(async () => {
  mirror = await openCliMirror({
    pools: [
      { id: 'us-east-1_Main', users: 130 },
      { id: 'us-east-1_Other', users: 20, seed: 2 },
      { id: 'eu-west-1_Far', users: 30, seed: 3 },
    ],
    groups: 5,
  });
});
afterEach(() => mirror.close());

const usersByPool = () =>
  mirror.rows<{ pool_id: string; users: number }>(
    `SELECT pool_id, count(*)::int AS users FROM directory.users GROUP BY pool_id ORDER BY pool_id`,
  );

/** The lines of a log that say how the run of a pool ended. */
function outcomesIn(stderr: string): Record<string, unknown>[] {
  return stderr
    .trim()
    .split('\n')
    .flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []))
    .filter(({ msg }) => /^snapshot (archived|held|failed|interrupted)$/.test(msg));
}

describe('sync', () => {
  it('mirrors a pool and reports the result to a person', async () => {
    const { code, stdout, stderr } = await mirror.run(['sync']);
    expect(code).toBe(0);
    const memberships = [...mirror.pool.memberships()].length;
    const [row] = await mirror.rows<Record<string, string>>('SELECT * FROM directory.snapshots');
    const parts = (await filesBelow(mirror.archive)).filter((file) => !file.startsWith('manifest'));
    const bytes = parts
      .map((file) => readFileSync(join(mirror.archive, file)).length)
      .reduce((sum, size) => sum + size, 0);
    const [name, rows, changes, calls, archive] = stdout.split('\n  ');
    expect(name).toBe(`us-east-1_Main  snapshot ${row?.snapshot}: archived`);
    expect(rows).toBe(`130 users, 5 groups, ${memberships.toLocaleString('en-US')} memberships`);
    expect(changes).toBe('users: 130 added, 0 modified, 0 removed');
    expect(calls).toMatch(/^\d+ calls \(0 throttled, 0 retries\) in \d+\.\d s$/);
    expect(archive).toBe(`${row?.manifest}: 6 objects, ${bytes.toLocaleString('en-US')} bytes\n`);
    // Elsewhere than on a terminal, progress is plain log lines, a JSON object each.
    const lines = stderr.trim().split('\n');
    const messages = lines.map((line) => JSON.parse(line).msg);
    expect(messages).toContainEqual(expect.stringMatching(/snapshot started/));
    expect(messages.at(-1)).toBe('snapshot archived');
  });

  it('logs the outcome of a pool as the document of --json has it', async () => {
    mirror.simulator.pool('us-east-1_Other').estimatedUsers = 5000;
    const pools = ['us-east-1_Main', 'us-east-1_Other', 'us-east-1_Gone'];
    const { reports, stderr } = await mirror.sync(pools);
    const outcomes = outcomesIn(stderr);
    expect(outcomes.map(({ level, msg }) => [level, msg])).toEqual([
      ['info', 'snapshot archived'],
      ['warn', 'snapshot held'],
      ['error', 'snapshot failed'],
    ]);
    expect(outcomes).toEqual(reports.map((report) => expect.objectContaining(report)));
    expect(outcomes[2]).toMatchObject({
      snapshot: null,
      reason: expect.stringContaining('the pool does not exist'),
    });
  });

  it('writes each outcome as text and as one JSON line if both outputs go to one file, as in a cron job', async () => {
    const log = join(mirror.folder, 'log');
    const pools = ['us-east-1_Main', 'us-east-1_Gone'];
    const { code } = await mirror.run(['sync', ...pools], {}, `exec "$@" >>'${log}' 2>&1`);
    expect(code).toBe(1);
    const text = readFileSync(log, 'utf8');
    expect(text).toMatch(/^us-east-1_Main {2}snapshot \w+: archived$/m);
    expect(text).toMatch(/^cognito-mirror: us-east-1_Gone: the pool does not exist/m);
    const lines = text.split('\n').filter((line) => line.startsWith('{'));
    expect(lines.length).toBeGreaterThan(4);
    expect(outcomesIn(text).map(({ poolId, msg }) => [poolId, msg])).toEqual([
      ['us-east-1_Main', 'snapshot archived'],
      ['us-east-1_Gone', 'snapshot failed'],
    ]);
    for (const line of lines) expect(JSON.parse(line)).toHaveProperty('msg');
  });

  it('names no user and no attribute on standard error', async () => {
    const { stderr } = await mirror.run(['sync'], { LOG_LEVEL: 'trace' });
    expect(stderr).not.toBe('');
    for (const { username, attributes } of mirror.pool.users()) {
      expect(stderr).not.toContain(username);
      for (const name of ['email', 'phone_number', 'sub']) {
        const value = attributes.get(name);
        if (value) expect(stderr).not.toContain(value);
      }
    }
  });

  it('prints with --json the one document of the contract, and nothing else', async () => {
    const { code, stdout } = await mirror.run(['sync', '--json']);
    expect(code).toBe(0);
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    const document = JSON.parse(stdout);
    const [row] = await mirror.rows('SELECT * FROM directory.snapshots');
    const manifest = readFileSync(join(mirror.archive, String(row?.['manifest'])));
    const objects: { bytes: number }[] = JSON.parse(manifest.toString()).objects;
    expect(document).toEqual({
      snapshots: [
        {
          poolId: 'us-east-1_Main',
          snapshot: row?.['snapshot'],
          state: 'archived',
          reason: null,
          users: 130,
          groups: 5,
          memberships: [...mirror.pool.memberships()].length,
          added: 130,
          modified: 0,
          removed: 0,
          repaired: 0,
          apiCalls: mirror.simulator.attempts.total,
          throttled: 0,
          retries: 0,
          settings: null,
          settingsUnread: null,
          seconds: expect.any(Number),
          archive: {
            manifest: row?.['manifest'],
            objects: 6,
            bytes: objects.reduce((sum, object) => sum + object.bytes, 0),
            head: { snapshots: 1, snapshot: row?.['snapshot'], sha256: row?.['manifest_sha256'] },
          },
        },
      ],
    });
    expect(Object.keys(document.snapshots[0])).toEqual([
      ...['poolId', 'snapshot', 'state', 'reason', 'users', 'groups', 'memberships'],
      ...['added', 'modified', 'removed', 'repaired', 'apiCalls', 'throttled', 'retries'],
      ...['settings', 'settingsUnread', 'seconds', 'archive'],
    ]);
    expect(document.snapshots[0].snapshot).toMatch(/^\d{8}T\d{6}Z$/);
    expect(createHash('sha256').update(manifest).digest('hex')).toBe(row?.['manifest_sha256']);
  });

  it('mirrors with nothing but COGNITO_POOLS set, into an embedded Postgres and a folder', async () => {
    const bare = {
      DATABASE_URL: undefined,
      ARCHIVE_URL: undefined,
      MIRROR_USER_LIST_RPS: undefined,
      MIRROR_QUOTA_SHARE: undefined,
    };
    const first = await mirror.sync([], bare);
    expect(first).toMatchObject({ code: 0, reports: [{ state: 'archived', users: 130 }] });
    mirror.pool.createUser({ username: 'newcomer' });
    const second = await mirror.sync([], bare);
    expect(second).toMatchObject({ code: 0, reports: [{ added: 1, modified: 0, removed: 0 }] });
    const sql = `SELECT count(*)::int AS n FROM directory.users WHERE username = 'newcomer'`;
    const query = await mirror.run(['query', '--json', sql], bare);
    expect(JSON.parse(query.stdout)).toEqual([{ n: 1 }]);
    const files = await filesBelow(join(mirror.folder, '.cognito-mirror/archive'));
    expect(files.filter((file) => file.endsWith('.json'))).toEqual(
      [...first.reports, ...second.reports].map((report) => report.archive?.manifest),
    );
    // Two manifests, three datasets of each snapshot in two formats, and the second's changes.
    expect(files).toHaveLength(16);
  });

  it('mirrors several pools of several Regions in one run, in the order they are named', async () => {
    const named = ['us-east-1_Other', 'eu-west-1_Far', 'us-east-1_Main'];
    const { code, reports } = await mirror.sync(named);
    expect(code).toBe(0);
    expect(reports.map(({ poolId, users }) => [poolId, users])).toEqual([
      ['us-east-1_Other', 20],
      ['eu-west-1_Far', 30],
      ['us-east-1_Main', 130],
    ]);
    expect(await usersByPool()).toEqual([
      { pool_id: 'eu-west-1_Far', users: 30 },
      { pool_id: 'us-east-1_Main', users: 130 },
      { pool_id: 'us-east-1_Other', users: 20 },
    ]);
  });

  it('mirrors every pool of the Region if COGNITO_POOLS is `all`', async () => {
    const { code, reports } = await mirror.sync([], {
      COGNITO_POOLS: 'all',
      AWS_REGION: 'us-east-1',
    });
    expect(code).toBe(0);
    expect(reports.map(({ poolId }) => poolId).sort()).toEqual([
      'us-east-1_Main',
      'us-east-1_Other',
    ]);
  });

  it('reports a pool that COGNITO_POOLS=all no longer lists until it is retired', async () => {
    const all = { COGNITO_POOLS: 'all', AWS_REGION: 'us-east-1' };
    expect((await mirror.sync([], all)).code).toBe(0);
    mirror.proxy.before = ({ operation, request }) =>
      operation === 'DescribeUserPool' && request['UserPoolId'] === 'us-east-1_Other'
        ? { __type: 'ResourceNotFoundException', message: 'gone' }
        : undefined;
    mirror.proxy.after = (_, answer) => {
      const pools = answer['UserPools'] as { Id: string }[] | undefined;
      return pools ? { UserPools: pools.filter(({ Id }) => Id !== 'us-east-1_Other') } : answer;
    };
    const { code, reports, stderr } = await mirror.sync([], all);
    expect(code).toBe(1);
    expect(reports.map(({ poolId, state }) => [poolId, state])).toEqual([
      ['us-east-1_Main', 'archived'],
      ['us-east-1_Other', null],
    ]);
    expect(reports[1]?.reason).toMatch(/does not exist any more .*last listed it/);
    expect(stderr).toContain('us-east-1_Other');
    expect((await mirror.run(['status', 'us-east-1_Other'])).stdout).toContain(
      'no longer lists it',
    );

    const [, command = ''] = / (retire \S+)`/.exec(reports[1]?.reason ?? '') ?? [];
    expect((await mirror.run(command.split(' '))).code).toBe(0);
    expect(await mirror.sync([], all)).toMatchObject({ code: 0, reports: [{}] });
    expect((await mirror.run(['status', 'us-east-1_Other'])).stdout).not.toContain(
      'no longer lists it',
    );
    // A pool that is named has nothing to do with the listing.
    expect((await mirror.sync(['us-east-1_Main'])).code).toBe(0);
  });

  it('mirrors the other pools if one fails, reports why that one did, and exits 1', async () => {
    const { code, stdout, stderr } = await mirror.run([
      ...['sync', '--json', 'us-east-1_Main', 'us-east-1_Gone', 'eu-west-1_Far'],
    ]);
    expect(code).toBe(1);
    expect(reportsOf({ stdout }).map(({ poolId, state }) => [poolId, state])).toEqual([
      ['us-east-1_Main', 'archived'],
      ['us-east-1_Gone', null],
      ['eu-west-1_Far', 'archived'],
    ]);
    expect(stderr).toMatch(
      /^cognito-mirror: us-east-1_Gone: the pool does not exist in us-east-1/m,
    );
    expect(await usersByPool()).toHaveLength(2);
  });

  it('counts a failed pool before a held one, and a held one before success', async () => {
    mirror.simulator.pool('us-east-1_Other').estimatedUsers = 5000;
    const held = await mirror.sync(['us-east-1_Main', 'us-east-1_Other']);
    expect(held.code).toBe(3);
    expect(held.reports.map(({ state }) => state)).toEqual(['archived', 'held']);
    const failed = await mirror.sync(['us-east-1_Other', 'us-east-1_Gone', 'us-east-1_Main']);
    expect(failed.code).toBe(1);
    expect(failed.reports.map(({ state }) => state)).toEqual(['held', null, 'archived']);
  });

  it('lets one of two runs on one account and Region through, and prints the reason for the other', async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let reading = false;
    mirror.proxy.before = async ({ operation }) => {
      if (operation !== 'ListUsers') return;
      reading = true;
      await held;
    };
    const first = await mirror.start(['sync', '--json']);
    await expect.poll(() => reading).toBe(true);
    const second = await mirror.sync(['us-east-1_Other']);
    // Another Region has a quota of its own.
    const far = mirror.sync(['eu-west-1_Far']);
    release();
    expect(second).toMatchObject({ code: 1, reports: [{ state: null }] });
    expect(second.stderr).toMatch(/Another run is using the quota of account \d+ in us-east-1\./);
    expect(await far).toMatchObject({ code: 0, reports: [{ state: 'archived' }] });
    const { code, stdout } = await first.result;
    expect({ code, state: reportsOf({ stdout })[0]?.state }).toEqual({
      code: 0,
      state: 'archived',
    });
  });

  it('runs twice at once in two homes', async () => {
    const own = (name: string) => ({
      DATABASE_URL: undefined,
      ARCHIVE_URL: undefined,
      MIRROR_HOME: join(mirror.folder, name, '.cognito-mirror'),
    });
    const both = await Promise.all([mirror.sync([], own('a')), mirror.sync([], own('b'))]);
    for (const { code, reports } of both) {
      expect(code).toBe(0);
      expect(reports).toMatchObject([{ state: 'archived', users: 130, added: 130 }]);
    }
  });
});
