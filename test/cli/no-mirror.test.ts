import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hint } from '../support/cli.ts';
import { type CliMirror, type EnvChange, openCliMirror } from '../support/cli-mirror.ts';
import { runSql } from '../support/postgres.ts';

const SNAPSHOT = 'us-east-1_Simulated/20261128T020000Z';

let mirror: CliMirror;
/** A home that a shell must quote. */
let home: string;
let emptyDatabase: string;

beforeAll(async () => {
  mirror = await openCliMirror({ users: 60, groups: 3, seed: 2 });
  home = join(mirror.folder, "it's a home");
  const url = new URL(mirror.databaseUrl);
  url.pathname += '_empty';
  await runSql(mirror.databaseUrl, `CREATE DATABASE ${url.pathname.slice(1)}`);
  emptyDatabase = url.href;
});
afterAll(async () => {
  await runSql(mirror.databaseUrl, `DROP DATABASE ${new URL(emptyDatabase).pathname.slice(1)}`);
  await mirror.close();
});

const noDatabase = (): EnvChange => ({
  DATABASE_URL: undefined,
  ARCHIVE_URL: undefined,
  MIRROR_HOME: home,
});

const schemas = () =>
  runSql(emptyDatabase, "SELECT FROM pg_namespace WHERE nspname IN ('mirror', 'directory')");

const NEEDS_A_MIRROR = [
  ['query', 'SELECT * FROM directory.users'],
  ['diff', 'us-east-1_Simulated'],
  ['history', 'us-east-1_Simulated', 'ann'],
  ['access', 'us-east-1_Simulated', 'admins'],
  ['access-review', 'export', 'us-east-1_Simulated', '--out', 'review.csv'],
  ['report', 'us-east-1_Simulated', '--out', 'report.html'],
  ['release', SNAPSHOT],
  ['discard', SNAPSHOT],
  ['trigger', 'us-east-1_Simulated'],
  ['restore', '--from', 'us-east-1_Simulated/latest', '--to', 'us-east-1_Simulated'],
  ['forget', 'us-east-1_Simulated', 'ann'],
];

describe('if MIRROR_HOME holds no mirror', () => {
  it.each(NEEDS_A_MIRROR)('%s names the folder and makes nothing', async (...args) => {
    const { code, stderr } = await mirror.run(args, noDatabase());
    expect(stderr).toContain(`cognito-mirror: the folder ${home}: nothing is mirrored there yet.`);
    expect(stderr).toContain('Set MIRROR_HOME or DATABASE_URL to where the mirror is');
    expect(code).toBe(2);
    expect(existsSync(home)).toBe(false);
  });

  it('status names the folder and makes nothing, and the command that it prints mirrors a pool', async () => {
    const { code, stdout, stderr } = await mirror.run(['status'], noDatabase());
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(`Nothing is mirrored in the folder ${home} yet.`);
    expect(existsSync(home)).toBe(false);
    const json = await mirror.run(['status', '--json'], noDatabase());
    expect(JSON.parse(json.stdout)).toMatchObject({ snapshots: [], workers: [] });
    expect(json.stderr).toContain(home);

    const line = hint(['sync', 'POOL'], { MIRROR_HOME: home });
    expect(stdout).toContain(`  ${line}\n`);
    const pasted = line.replace('POOL', mirror.poolId);
    const elsewhere = { ...noDatabase(), MIRROR_HOME: undefined };
    const synced = await mirror.run([], elsewhere, pasted);
    expect({ code: synced.code, stderr: synced.stderr }).toMatchObject({ code: 0 });
    const users = ['query', '--csv', 'SELECT count(*) FROM directory.users'];
    expect((await mirror.run(users, noDatabase())).stdout).toBe('count\r\n60\r\n');
  });

  it('plan plans a first snapshot, names the folder and makes nothing', async () => {
    const nowhere = { ...noDatabase(), MIRROR_HOME: join(mirror.folder, 'nowhere') };
    const { code, stdout, stderr } = await mirror.run(['plan'], nowhere);
    expect(stderr).toContain(`Nothing is mirrored in the folder ${nowhere.MIRROR_HOME} yet`);
    expect(stdout).toContain('first snapshot');
    expect(code).toBe(0);
    expect(existsSync(nowhere.MIRROR_HOME)).toBe(false);
  });
});

describe('if DATABASE_URL names an empty database', () => {
  const empty = () => ({ DATABASE_URL: emptyDatabase, MIRROR_HOME: join(mirror.folder, 'none') });

  it.each(NEEDS_A_MIRROR)('%s says so and makes no schema', async (...args) => {
    const { code, stderr } = await mirror.run(args, empty());
    expect(stderr).toMatch(/^cognito-mirror: the database postgres:\S*_empty: nothing is mirrored/);
    expect(code).toBe(2);
    expect(await schemas()).toEqual([]);
    expect(existsSync(empty().MIRROR_HOME)).toBe(false);
  });

  it.each([['status'], ['plan']])('%s says so and makes no schema', async (command) => {
    const { code, stdout, stderr } = await mirror.run([command], empty());
    expect(stdout + stderr).toMatch(/Nothing is mirrored in the database postgres:\S*_empty yet/);
    expect(code).toBe(0);
    expect(await schemas()).toEqual([]);
  });
});
