import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openPool, transaction } from '../../src/postgres/connection.ts';
import { endTransactions, getOwner } from '../../src/postgres/coordination/transaction-owner.ts';
import { expectMirrored } from '../support/directory.ts';
import { rolesSql, statementsOf } from '../support/documented-sql.ts';
import { type Fleet, openFleet, until } from '../support/fleet.ts';
import { type OwnPostgres, startPostgres } from '../support/own-postgres.ts';
import { runSql } from '../support/postgres.ts';
import { HASH_KEY } from '../support/privacy.ts';
import { troubleIn } from '../support/worker-log.ts';

type Role = 'owner' | 'worker' | 'reader';

let server: OwnPostgres;
let fleet: Fleet;
let grants: readonly string[];

beforeAll(async () => {
  server = await startPostgres();
  fleet = await openFleet({ users: 60, groups: 4 });
  const documented = rolesSql();
  grants = documented.grants;
  for (const statement of statementsOf(documented.roles)) await runSql(server.url, statement);
});
afterAll(async () => {
  await fleet?.close();
  await server?.close();
});

/** The mirror's database, for one of the documented roles. */
function urlOf(role: Role): string {
  const url = new URL(server.url);
  url.username = `mirror_${role}`;
  url.password = `password-of-the-${role}`;
  url.pathname = '/mirror';
  return url.href;
}

const env = (role: Role) => ({
  DATABASE_URL: urlOf(role),
  MIRROR_POOL_SETTINGS: 'true',
  MIRROR_HASH_KEY: HASH_KEY,
});
const sql = (role: Role, text: string) => runSql(urlOf(role), text);

async function archived(): Promise<number> {
  const [row] = await sql(
    'reader',
    "SELECT count(*)::int AS count FROM directory.snapshots WHERE state = 'archived'",
  );
  return row?.['count'] as number;
}

/** Expects that the rights of a role do not reach to a statement. */
async function expectDenied(role: Role, statement: string): Promise<void> {
  const refusal = await sql(role, statement).then(
    () => 'nothing',
    (error: unknown) => (error as { code?: string }).code,
  );
  expect({ statement, refusal }).toEqual({ statement, refusal: '42501' });
}

describe('by the documented SQL', () => {
  test('only the owner migrates, and other roles get the remedy', async () => {
    const before = await fleet.sync([], env('worker'));
    expect(before).toMatchObject({ code: 2, stdout: '' });
    expect(before.stderr).toMatch(/Run `migrate` with the role that owns them/);
    expect(await fleet.run(['migrate'], env('owner'))).toMatchObject({ code: 0 });
    for (const block of grants) await sql('owner', block);
    expect(await fleet.run(['migrate'], env('worker'))).toMatchObject({
      code: 0,
      stdout: 'The schema is up to date.\n',
    });
  });

  test('a worker takes snapshots, and has fresh statistics of the first', async () => {
    expect(await fleet.sync([], env('worker'))).toMatchObject({
      code: 0,
      reports: [{ state: 'archived', users: 60 }],
    });
    await expect
      .poll(() =>
        sql(
          'worker',
          "SELECT FROM pg_stat_user_tables WHERE relname = 'users' AND last_analyze IS NOT NULL",
        ),
      )
      .toHaveLength(1);
    expect(await sql('worker', "SELECT FROM pg_tables WHERE tablename ~ '^stage_'")).toEqual([]);
  });

  test('of every change, with a history that is pruned, and held and released', async () => {
    change();
    expect(await fleet.sync([], env('worker'))).toMatchObject({ code: 0 });
    // Rows that somebody changed are repaired with the same rights.
    await sql(
      'owner',
      `UPDATE directory.users SET enabled = NOT enabled WHERE username =
      (SELECT max(username) FROM directory.users)`,
    );
    await sql(
      'owner',
      `UPDATE directory.user_history SET valid_from = valid_from - interval '9 days',
         valid_to = valid_to - interval '9 days'`,
    );
    change();
    const prudent = { ...env('worker'), MIRROR_HISTORY_DAYS: '7', MIRROR_MAX_REMOVED_RATIO: '0' };
    const held = await fleet.sync([], prudent);
    expect(held).toMatchObject({ code: 3, reports: [{ state: 'held' }] });
    const snapshot = `${fleet.poolId}/${held.reports[0]?.snapshot}`;
    expect(await fleet.run(['release', snapshot], prudent)).toMatchObject({ code: 0 });
    expect(await sql('owner', 'SELECT FROM mirror.history_floors')).toHaveLength(1);
    const compared = await fleet.run(['diff', fleet.poolId, 'now', '--json'], prudent);
    expect(compared.code).toBe(0);
    expect(JSON.parse(compared.stdout)).toMatchObject({ to: 'now', changes: [] });
    const rest = await sql('owner', "SELECT FROM directory.snapshots WHERE state = 'comparing'");
    expect(rest).toEqual([]);
    expect(await archived()).toBe(3);
  });

  test('a worker forgets a person, but does not rewrite tables', async () => {
    const [{ username } = {}] = await sql('owner', 'SELECT username FROM directory.users LIMIT 1');
    const person = ['forget', fleet.poolId, username as string];
    fleet.pool.deleteUser(username as string);
    const scrub = await fleet.run([...person, '--scrub'], env('worker'));
    expect(scrub.code).toBe(2);
    expect(scrub.stderr).toContain('only their owner may rewrite');
    expect(await fleet.run(person, env('worker'))).toMatchObject({ code: 0 });
    expect(
      await sql(
        'owner',
        `SELECT FROM directory.user_history WHERE username = '${username as string}'`,
      ),
    ).toEqual([]);
  });

  test('a worker process does its jobs, and is seen at it', async () => {
    change();
    const worker = await fleet.worker(env('worker'));
    expect(await fleet.run(['trigger', fleet.poolId], env('worker'))).toMatchObject({ code: 0 });
    await until('the request is done', async () => {
      const [request] = await sql('worker', 'SELECT outcome FROM mirror.requests');
      return request?.['outcome'] === 'done';
    });
    expect(await archived()).toBe(4);
    expect(await fleet.run(['plan'], env('worker'))).toMatchObject({ code: 0 });
    const status = await fleet.run(['status', '--json'], env('worker'));
    expect(JSON.parse(status.stdout).workers).toMatchObject([{ alive: true, problem: null }]);
    worker.child.kill('SIGTERM');
    expect(await worker.result).toMatchObject({ code: 0 });
    expect(troubleIn(worker)).toEqual([]);
  });

  test('a worker ends the transactions of another one, and a reader does not', async () => {
    const [lost, worker, reader] = [urlOf('worker'), urlOf('worker'), urlOf('reader')].map((url) =>
      openPool(url, 1),
    ) as [pg.Pool, pg.Pool, pg.Pool];
    try {
      const running = transaction(lost, (client) => client.query('SELECT pg_sleep(600)'));
      const ended = expect(running).rejects.toMatchObject({ code: '57P01' });
      const end = (db: pg.Pool) =>
        endTransactions(db, [getOwner(lost)]).catch((error: { code?: string }) => error.code);
      await expect.poll(() => end(reader)).toBe('42501');
      expect(await end(worker)).toBe(1);
      await ended;
    } finally {
      for (const db of [lost, worker, reader]) await db.end();
    }
  });

  test('a reader has everything in schema directory, views and functions included', async () => {
    const db = openPool(urlOf('reader'), 2);
    await expectMirrored(db, fleet.pool).finally(() => db.end());
    const at = `('${fleet.poolId}', now())`;
    for (const source of [
      ...['pools', 'snapshots', 'changes', 'user_history', 'group_history', 'membership_history'],
      ...['pool_settings', 'pool_setting_history', `pool_settings_at${at}`],
      ...[
        'identities',
        'effective_roles',
        `users_at${at}`,
        `groups_at${at}`,
        `memberships_at${at}`,
      ],
    ]) {
      expect(await sql('reader', `SELECT FROM directory.${source}`), source).not.toEqual([]);
    }
    const views = await sql(
      'reader',
      `SELECT relname FROM pg_class WHERE relnamespace = 'directory'::regnamespace AND relkind = 'v'`,
    );
    expect(views.length).toBeGreaterThan(15);
    for (const { relname } of views) {
      await sql('reader', `SELECT * FROM directory.${relname as string}`);
    }
    const query = await fleet.run(
      ['query', '--csv', 'SELECT count(*) AS users FROM directory.users'],
      env('reader'),
    );
    expect(query).toMatchObject({ code: 0, stdout: `users\r\n${fleet.pool.userCount}\r\n` });
    const [{ username } = {}] = await sql('reader', 'SELECT username FROM directory.users LIMIT 1');
    const [{ group_name } = {}] = await sql(
      'reader',
      'SELECT group_name FROM directory.groups LIMIT 1',
    );
    for (const args of [
      ['diff', fleet.poolId],
      ['history', fleet.poolId, username as string],
      ['access', fleet.poolId, group_name as string],
      ['access', fleet.poolId, '--user', username as string, '--at', 'previous'],
      ['access-review', 'export', fleet.poolId, '--out', 'review.csv'],
      ['access-review', 'check', 'review.csv'],
    ]) {
      const { code, stderr } = await fleet.run(args, env('reader'));
      expect([args[0], code, stderr]).toEqual([args[0], 0, '']);
    }
  });
});

describe('no role has more', () => {
  test('a reader writes nothing, and sees nothing of the machinery', async () => {
    for (const statement of [
      "UPDATE directory.users SET status = ''",
      'DELETE FROM directory.snapshots',
      'INSERT INTO directory.groups DEFAULT VALUES',
      'TRUNCATE directory.user_history',
      'SELECT FROM mirror.runs',
      'SELECT FROM mirror.history_floors',
      'SELECT FROM mirror.installation',
      'CREATE TABLE directory.of_mine ()',
      'CREATE TABLE mirror.of_mine ()',
      'CREATE TABLE public.of_mine ()',
      'CREATE TEMPORARY TABLE of_mine ()',
      'CREATE SCHEMA of_mine',
    ]) {
      await expectDenied('reader', statement);
    }
    const refused = await fleet.sync([], env('reader'));
    expect(refused).toMatchObject({ code: 2, stdout: '' });
  });

  test('a worker changes no schema but for tables of its own in mirror', async () => {
    for (const statement of [
      'DROP TABLE directory.users',
      'ALTER TABLE directory.users ADD COLUMN of_mine text',
      'CREATE INDEX ON directory.users (email)',
      'TRUNCATE directory.users',
      'DROP VIEW directory.changes',
      'DROP FUNCTION directory.users_at',
      'CREATE TABLE directory.of_mine ()',
      'CREATE TABLE public.of_mine ()',
      'CREATE SCHEMA of_mine',
      'CREATE TEMPORARY TABLE of_mine ()',
      'DROP TABLE mirror.runs',
      'ALTER TABLE mirror.requests ADD COLUMN of_mine text',
      'DROP SCHEMA mirror CASCADE',
      "INSERT INTO mirror.migrations (name, run_on) VALUES ('9999_later', now())",
      'UPDATE mirror.installation SET id = gen_random_uuid()',
      "UPDATE directory.user_history SET status = ''",
      'DELETE FROM directory.snapshots',
      'SELECT FROM directory.identities',
      'SET ROLE mirror_owner',
    ]) {
      await expectDenied('worker', statement);
    }
  });

  test('a missing right is reported, with the page that documents it', async () => {
    await sql('owner', 'REVOKE INSERT ON directory.users FROM mirror_worker');
    change();
    const { code, stderr } = await fleet.sync([], env('worker'));
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /DATABASE_URL: its role lacks a privilege \(permission denied for table users\)\. Grant it: docs\/OPERATIONS\.md/,
    );
  });
});

let changes = 0;

/** Adds, changes and removes a user, a group and a membership. */
function change(): void {
  const { pool } = fleet;
  changes += 1;
  const [gone, changed, kept] = [...pool.users()].map(({ username }) => username);
  const [first, second] = pool.groupNames();
  pool.deleteUser(gone as string);
  pool.updateAttributes(changed as string, { name: `Changed ${changes}` });
  pool.createUser({ username: `new-${changes}`, attributes: { identities: IDENTITIES } });
  pool.deleteGroup(first as string);
  pool.configuration.tags.set('changes', String(changes));
  pool.configuration.providers.delete([...pool.configuration.providers.keys()][0] as string);
  pool.updateGroup(second as string, { description: `Changed ${changes}` });
  pool.createGroup(`new-${changes}`, {
    precedence: 0,
    roleArn: 'arn:aws:iam::123456789012:role/one',
  });
  pool.addToGroup(kept as string, `new-${changes}`);
}

const IDENTITIES = JSON.stringify([{ userId: '1', providerName: 'one', primary: 'true' }]);
