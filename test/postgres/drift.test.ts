import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import { countStage } from '../../src/postgres/store/count-stage.ts';
import type { SnapshotLease } from '../../src/postgres/store/leases.ts';
import { mergeReads } from '../../src/postgres/store/merge-reads.ts';
import { findMissingUsers, keepConfirmedUsers } from '../../src/postgres/store/missing.ts';
import { publish } from '../../src/postgres/store/publish.ts';
import { beginSnapshot } from '../../src/postgres/store/transitions.ts';
import { databaseForEach } from '../support/postgres.ts';
import { begin, type Content, group, POOL, stage, user } from './fixtures.ts';

let db: pg.Pool;
const never = new AbortController().signal;
databaseForEach(4, (made) => {
  db = made.db;
});

async function rows(sql: string): Promise<Record<string, unknown>[]> {
  return (await db.query(sql)).rows;
}

async function publishContent(lease: SnapshotLease, content: Content): Promise<void> {
  await stage(db, lease, content);
  await mergeReads(db, lease, never);
  await publish(db, lease, 'walking');
}

async function take(content: Content): Promise<SnapshotLease> {
  const lease = await begin(db);
  await publishContent(lease, content);
  return lease;
}

const users = () => rows('SELECT * FROM directory.users ORDER BY username');
const history = () => rows('SELECT * FROM directory.user_history ORDER BY username, valid_from');
const counts = async (lease: SnapshotLease) =>
  (
    await db.query(
      'SELECT added, modified, removed, repaired FROM directory.snapshots WHERE snapshot_at = $1',
      [lease.snapshotAt],
    )
  ).rows[0];
const changes = async (lease: SnapshotLease) =>
  (
    await db.query(
      `SELECT entity, key, kind FROM directory.changes WHERE snapshot_at = $1 ORDER BY key::text`,
      [lease.snapshotAt],
    )
  ).rows;

/** A pool of three with a history: ann changed once, dan left. */
async function threeUsers(): Promise<Content> {
  await take({ users: [user('ann'), user('bob'), user('cem'), user('dan')] });
  const content = { users: [user('ann', { enabled: false }), user('bob'), user('cem')] };
  await take(content);
  return content;
}

describe('the snapshot after a hand', () => {
  const hands: [what: string, sql: string, repaired: number][] = [
    [
      'edited an attribute',
      `UPDATE directory.users SET attributes = attributes || '{"email":"x"}' WHERE username = 'bob'`,
      1,
    ],
    ['edited a sub', `UPDATE directory.users SET sub = 'another' WHERE username = 'bob'`, 1],
    [
      'edited a valid_from',
      `UPDATE directory.users SET valid_from = now() WHERE username = 'bob'`,
      1,
    ],
    ['deleted a row', `DELETE FROM directory.users WHERE username = 'bob'`, 1],
    [
      'deleted a row that had changed before',
      `DELETE FROM directory.users WHERE username = 'ann'`,
      1,
    ],
    ['truncated the table', 'TRUNCATE directory.users', 3],
    ['renamed a user', `UPDATE directory.users SET username = 'zoe' WHERE username = 'bob'`, 2],
    [
      'inserted a user that never was',
      `INSERT INTO directory.users (pool_id, username, attributes, escaped, valid_from)
       SELECT pool_id, 'zoe', '{}', '{}', valid_from FROM directory.users WHERE username = 'bob'`,
      1,
    ],
    [
      'deleted one row and inserted another',
      `WITH gone AS (DELETE FROM directory.users WHERE username = 'bob' RETURNING *)
       INSERT INTO directory.users (pool_id, username, attributes, escaped, valid_from)
       SELECT pool_id, 'zoe', '{}', '{}', valid_from FROM gone`,
      2,
    ],
    ['wrote rows again without a change', 'UPDATE directory.users SET enabled = enabled', 0],
    ['changed every row', 'UPDATE directory.users SET status = NULL, sub = NULL', 3],
  ];
  it.each(hands)('%s shows the pool again, and no change', async (_, sql, repaired) => {
    const content = await threeUsers();
    const [before, past] = [await users(), await history()];
    await db.query(sql);
    const lease = await take(content);
    expect(await users()).toEqual(before);
    expect(await history()).toEqual(past);
    expect(await changes(lease)).toEqual([]);
    expect(await counts(lease)).toEqual({ added: 0, modified: 0, removed: 0, repaired });
    // And nothing is left to repair: the next finds its rows as it left them.
    const { lease: next, drifted } = await beginSnapshot(db, POOL);
    expect(drifted).toBe(0);
    await publishContent(next, content);
    expect(await counts(next)).toEqual({ added: 0, modified: 0, removed: 0, repaired: 0 });
  });

  it('that edited a user who changed in the pool as well keeps the time of the version before', async () => {
    const content = await threeUsers();
    const [, bob] = await users();
    await db.query(
      `UPDATE directory.users SET status = 'X', valid_from = now() WHERE username = 'bob'`,
    );
    const changed = user('bob', { status: 'RESET_REQUIRED' });
    const lease = await take({ users: [content.users[0] as never, changed, user('cem')] });
    expect((await users())[1]).toMatchObject({
      status: 'RESET_REQUIRED',
      valid_from: lease.snapshotAt,
    });
    const version = (await history()).find(({ username }) => username === 'bob');
    expect(version).toMatchObject({ valid_from: bob?.valid_from, valid_to: lease.snapshotAt });
    expect(await counts(lease)).toEqual({ added: 0, modified: 1, removed: 0, repaired: 0 });
  });

  it('does not take what it did for a mass removal', async () => {
    const content = await threeUsers();
    await db.query(`UPDATE directory.users SET sub = 'other-' || username`);
    await db.query(
      `INSERT INTO directory.users (pool_id, username, attributes, escaped, valid_from)
       SELECT '${POOL}', 'stranger-' || n, '{}', '{}', now() FROM generate_series(1, 90) AS n`,
    );
    const lease = await begin(db);
    await stage(db, lease, content);
    await mergeReads(db, lease, never);
    expect((await countStage(db, lease)).removed.users).toBe(0);
    await publish(db, lease, 'walking');
    expect(await counts(lease)).toEqual({ added: 0, modified: 0, removed: 0, repaired: 93 });
  });
});

describe('an old dump restored over the current rows', () => {
  it.each([
    ['with the records', ''],
    ['whose records are lost as well', 'TRUNCATE mirror.user_hashes'],
  ])('is brought back to the pool, %s', async (_, lose) => {
    await take({ users: [user('ann'), user('bob'), user('cem'), user('dan')] });
    await db.query('CREATE TABLE public.dump AS TABLE directory.users');
    const content = {
      users: [user('ann', { enabled: false }), user('bob'), user('cem'), user('eve')],
    };
    await take(content);
    const [before, past] = [await users(), await history()];
    await db.query('TRUNCATE directory.users');
    const columns =
      'pool_id, username, sub, status, enabled, created_at, modified_at, attributes, mfa_options, escaped, valid_from, mfa_settings, preferred_mfa, mfa_read_at';
    await db.query(`INSERT INTO directory.users (${columns}) SELECT ${columns} FROM public.dump`);
    if (lose) await db.query(lose);
    await take(content);
    const now = await users();
    expect(now.map(({ valid_from: _from, ...row }) => row)).toEqual(
      before.map(({ valid_from: _from, ...row }) => row),
    );
    if (!lose) {
      expect(now).toEqual(before);
      expect(await history()).toEqual(past);
    }
  });

  it('of groups and memberships ends without a conflict with their histories', async () => {
    const ann = user('ann');
    await take({ users: [ann], groups: [group('old'), group('staff')], members: { old: [ann] } });
    await db.query('CREATE TABLE public.g AS TABLE directory.groups');
    await db.query('CREATE TABLE public.m AS TABLE directory.memberships');
    const content = { users: [ann], groups: [group('staff', { description: 'Staff' })] };
    await take(content);
    await db.query('TRUNCATE directory.groups, directory.memberships');
    await db.query('INSERT INTO directory.groups TABLE public.g');
    await db.query('INSERT INTO directory.memberships TABLE public.m');
    await take(content);
    expect(await rows('SELECT group_name, description FROM directory.groups')).toEqual([
      { group_name: 'staff', description: 'Staff' },
    ]);
    expect(await rows('SELECT * FROM directory.memberships')).toEqual([]);
  });
});

describe('what something else did to users who also changed', () => {
  it('counts a deleted row as removed if the user left the pool, and confirms it by name', async () => {
    await threeUsers();
    await db.query('TRUNCATE directory.users');
    const lease = await begin(db);
    await stage(db, lease, { users: [user('cem')] });
    await mergeReads(db, lease, never);
    expect(await findMissingUsers(db, lease, 10)).toEqual({
      count: 2,
      chosen: expect.arrayContaining([
        { username: 'ann', sub: null, rowDeleted: true },
        { username: 'bob', sub: null, rowDeleted: true },
      ]),
    });
    expect(await countStage(db, lease)).toMatchObject({
      current: { users: 3 },
      next: { users: 1 },
      removed: { users: 2 },
    });
  });

  it('keeps the change if the row was changed in the same way', async () => {
    const content = await threeUsers();
    await db.query(`UPDATE directory.users SET enabled = false WHERE username = 'bob'`);
    const lease = await take({
      users: [content.users[0] as never, user('bob', { enabled: false }), user('cem')],
    });
    expect(await counts(lease)).toEqual({ added: 0, modified: 1, removed: 0, repaired: 0 });
    expect((await users())[1]).toMatchObject({ enabled: false, valid_from: lease.snapshotAt });
    expect((await beginSnapshot(db, POOL)).drifted).toBe(0);
  });

  it('leaves a kept user alone who was not read, and compares the row again', async () => {
    const content = await threeUsers();
    await db.query(
      `UPDATE directory.users SET status = 'X', valid_from = now() WHERE username = 'bob'`,
    );
    const lease = await begin(db);
    await stage(db, lease, { users: content.users.filter(({ username }) => username !== 'bob') });
    await mergeReads(db, lease, never);
    await keepConfirmedUsers(db, lease, ['bob']);
    await publish(db, lease, 'walking');
    const next = await beginSnapshot(db, POOL);
    expect(next.drifted).toBe(1);
    await publishContent(next.lease, content);
    expect((await users())[1]).toMatchObject({ status: 'CONFIRMED' });
    expect(await history()).toHaveLength(2);
  });

  it('adds a user whose row was inserted by hand before the pool had it', async () => {
    const content = await threeUsers();
    await db.query(
      `INSERT INTO directory.users (pool_id, username, sub, status, enabled, created_at,
         modified_at, attributes, escaped, valid_from)
       SELECT pool_id, 'eve', 'sub-of-eve', status, enabled, created_at, modified_at,
         '{"sub":"sub-of-eve","email":"eve@example.com","email_verified":"true"}', escaped,
         now() + interval '1 hour'
       FROM directory.users WHERE username = 'bob'`,
    );
    const lease = await take({ users: [...content.users, user('eve')] });
    expect(await counts(lease)).toEqual({ added: 1, modified: 0, removed: 0, repaired: 1 });
    expect((await users()).at(-1)).toMatchObject({ username: 'eve', valid_from: lease.snapshotAt });
  });
});

describe('rows that only were moved', () => {
  it.each([
    'VACUUM (FREEZE) directory.users',
    'VACUUM FULL directory.users',
    'CLUSTER directory.users USING users_pkey',
  ])('have not drifted: %s', async (sql) => {
    await threeUsers();
    await db.query(sql);
    expect((await beginSnapshot(db, POOL)).drifted).toBe(0);
  });
});

it('a pool whose rows were all deleted by hand starts again', async () => {
  const content = await threeUsers();
  for (const table of [
    'mirror.runs',
    'directory.snapshots',
    'directory.users',
    'directory.user_history',
  ]) {
    await db.query(`DELETE FROM ${table}`);
  }
  const lease = await take(content);
  expect((await users()).map(({ valid_from }) => valid_from)).toEqual([
    lease.snapshotAt,
    lease.snapshotAt,
    lease.snapshotAt,
  ]);
  expect(await counts(lease)).toEqual({ added: 3, modified: 0, removed: 0, repaired: 0 });
});

it('publishing refuses rows that were changed after the check, and the next try repairs them', async () => {
  const content = await threeUsers();
  const before = await users();
  const lease = await begin(db);
  await stage(db, lease, content);
  await mergeReads(db, lease, never);
  await db.query(`DELETE FROM directory.users WHERE username = 'bob'`);
  await expect(publish(db, lease, 'walking')).rejects.toThrow(/changed rows .* Run it again/);
  expect(await users()).toEqual(before.filter(({ username }) => username !== 'bob'));
});

it('writers of another server are not trusted', async () => {
  await threeUsers();
  await db.query('UPDATE mirror.user_writers SET server_id = server_id + 1');
  const { lease, drifted } = await beginSnapshot(db, POOL);
  expect(drifted).toBe(3);
  expect(lease.comparedWith).not.toBeNull();
});
