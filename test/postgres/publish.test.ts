import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import { countStage } from '../../src/postgres/store/count-stage.ts';
import type { SnapshotLease } from '../../src/postgres/store/leases.ts';
import { mergeReads } from '../../src/postgres/store/merge-reads.ts';
import { keepConfirmedUsers } from '../../src/postgres/store/missing.ts';
import { publish } from '../../src/postgres/store/publish.ts';
import { saveCounts } from '../../src/postgres/store/snapshot-notes.ts';
import { databaseForEach } from '../support/postgres.ts';
import { begin, type Content, group, POOL, stage, user } from './fixtures.ts';

let db: pg.Pool;
databaseForEach(4, (made) => {
  db = made.db;
});

const never = new AbortController().signal;

async function take(content: Content): Promise<SnapshotLease> {
  const lease = await begin(db);
  await stage(db, lease, content);
  await mergeReads(db, lease, never);
  await saveCounts(db, lease, (await countStage(db, lease)).next);
  await publish(db, lease, 'walking');
  return lease;
}

async function rows(sql: string, values: unknown[] = []): Promise<unknown[]> {
  return (await db.query(sql, values)).rows;
}

const changes = (lease: SnapshotLease) =>
  rows(
    `SELECT entity, key, kind, fields FROM directory.changes WHERE pool_id = $1 AND snapshot_at = $2
     ORDER BY entity, key::text, kind`,
    [POOL, lease.snapshotAt],
  );

describe('publishing', () => {
  it('gives a first snapshot all its users as added, and no changes', async () => {
    const lease = await take({
      users: [user('ann'), user('bob')],
      groups: [group('staff', { precedence: 1 })],
      members: { staff: [user('ann')] },
    });
    expect(
      await rows(
        'SELECT state, users, groups, memberships, added, modified, removed FROM directory.snapshots',
      ),
    ).toEqual([
      {
        state: 'published',
        users: 2,
        groups: 1,
        memberships: 1,
        added: 2,
        modified: 0,
        removed: 0,
      },
    ]);
    expect(await changes(lease)).toEqual([]);
    expect(
      await rows(
        'SELECT username, email, email_verified, phone_number_verified, valid_from FROM directory.users ORDER BY username',
      ),
    ).toEqual([
      {
        username: 'ann',
        email: 'ann@example.com',
        email_verified: true,
        phone_number_verified: null,
        valid_from: lease.snapshotAt,
      },
      {
        username: 'bob',
        email: 'bob@example.com',
        email_verified: true,
        phone_number_verified: null,
        valid_from: lease.snapshotAt,
      },
    ]);
  });

  it('rewrites no row of an unchanged pool, and gives no change', async () => {
    const content = {
      users: [user('ann')],
      groups: [group('staff')],
      members: { staff: [user('ann')] },
    };
    await take(content);
    const placed = `SELECT 'u' AS t, ctid::text, xmin::text FROM directory.users UNION ALL
      SELECT 'g', ctid::text, xmin::text FROM directory.groups UNION ALL
      SELECT 'm', ctid::text, xmin::text FROM directory.memberships UNION ALL
      SELECT 'h', ctid::text, xmin::text FROM mirror.user_hashes`;
    const before = await rows(placed);
    const second = await take(content);
    expect(await rows(placed)).toEqual(before);
    expect(await changes(second)).toEqual([]);
  });

  it('rewrites no row if a crash of Postgres emptied the hashes, and records them again', async () => {
    const content = { users: [user('ann'), user('bob')], groups: [], members: {} };
    await take(content);
    const placed = 'SELECT ctid::text, xmin::text FROM directory.users';
    const before = await rows(placed);
    const hashes = 'SELECT username, hash FROM mirror.user_hashes ORDER BY username';
    const hashed = await rows(hashes);
    expect(hashed).toHaveLength(2);
    await db.query('TRUNCATE mirror.user_hashes');
    const second = await take(content);
    expect(await rows(placed)).toEqual(before);
    expect(await changes(second)).toEqual([]);
    expect(await rows(hashes)).toEqual(hashed);
  });

  it('names what differs of a modified user or group, and closes the version before', async () => {
    const first = await take({ users: [user('ann')], groups: [group('staff')] });
    const second = await take({
      users: [
        user('ann', {
          enabled: false,
          attributes: { sub: 'sub-of-ann', email: 'new@example.com', 'custom:team': 'x' },
        }),
      ],
      groups: [group('staff', { precedence: 3, description: 'Staff' })],
    });
    expect(await changes(second)).toEqual([
      {
        entity: 'group',
        key: { group_name: 'staff' },
        kind: 'modified',
        fields: ['description', 'precedence'],
      },
      {
        entity: 'user',
        key: { username: 'ann' },
        kind: 'modified',
        fields: ['enabled', 'custom:team', 'email', 'email_verified'],
      },
    ]);
    expect(
      await rows(
        'SELECT username, email, enabled, valid_from, valid_to FROM directory.user_history',
      ),
    ).toEqual([
      {
        username: 'ann',
        email: 'ann@example.com',
        enabled: true,
        valid_from: first.snapshotAt,
        valid_to: second.snapshotAt,
      },
    ]);
    expect(
      await rows('SELECT email FROM directory.users_at($1, $2)', [POOL, first.snapshotAt]),
    ).toEqual([{ email: 'ann@example.com' }]);
    expect(
      await rows('SELECT email FROM directory.users_at($1, $2)', [POOL, second.snapshotAt]),
    ).toEqual([{ email: 'new@example.com' }]);
    expect(
      await rows('SELECT precedence FROM directory.groups_at($1, $2)', [POOL, first.snapshotAt]),
    ).toEqual([{ precedence: null }]);
  });

  it('counts a name that came back with another sub as removed and added', async () => {
    await take({
      users: [user('ann')],
      groups: [group('staff')],
      members: { staff: [user('ann')] },
    });
    const other = user('ann', { sub: 'another' });
    const lease = await take({
      users: [other],
      groups: [group('staff')],
      members: { staff: [other] },
    });
    expect(
      (await changes(lease)).map((change) => Object.values(change as object).slice(0, 3)),
    ).toEqual([
      ['membership', { group_name: 'staff', username: 'ann' }, 'added'],
      ['membership', { group_name: 'staff', username: 'ann' }, 'removed'],
      ['user', { username: 'ann' }, 'added'],
      ['user', { username: 'ann' }, 'removed'],
    ]);
    expect(
      await rows(
        'SELECT added, modified, removed FROM directory.snapshots WHERE snapshot_at = $1',
        [lease.snapshotAt],
      ),
    ).toEqual([{ added: 1, modified: 0, removed: 1 }]);
  });

  it('keeps the rows and memberships of a suspect that is alive, but in groups that are gone', async () => {
    const ann = user('ann');
    await take({
      users: [ann, user('bob')],
      groups: [group('old'), group('staff')],
      members: { old: [ann], staff: [ann] },
    });
    const lease = await begin(db);
    await stage(db, lease, { users: [user('bob')], groups: [group('staff')] });
    await mergeReads(db, lease, never);
    await keepConfirmedUsers(db, lease, ['ann']);
    const sizes = await countStage(db, lease);
    expect(sizes).toEqual({
      current: { users: 2, groups: 2, memberships: 2 },
      next: { users: 2, groups: 1, memberships: 1 },
      removed: { users: 0, groups: 1, memberships: 1 },
    });
    await publish(db, lease, 'walking');
    expect(await rows('SELECT username FROM directory.users ORDER BY 1')).toEqual([
      { username: 'ann' },
      { username: 'bob' },
    ]);
    expect(await rows('SELECT group_name, username FROM directory.memberships')).toEqual([
      { group_name: 'staff', username: 'ann' },
    ]);
  });

  it('counts a name that another person has by now as one removed', async () => {
    await take({ users: [user('ann'), user('bob')] });
    const lease = await begin(db);
    await stage(db, lease, { users: [user('ann', { sub: 'another' }), user('bob')] });
    await mergeReads(db, lease, never);
    expect((await countStage(db, lease)).removed.users).toBe(1);
  });

  it('refuses a stage that was compared with a state that is no longer current', async () => {
    await take({ users: [user('ann')] });
    const lease = await begin(db);
    await stage(db, lease, { users: [user('ann')] });
    await mergeReads(db, lease, never);
    await db.query(
      `INSERT INTO directory.snapshots (pool_id, snapshot, snapshot_at, state)
      VALUES ($1, 'other', $2::timestamptz + interval '1 hour', 'archived')`,
      [POOL, lease.snapshotAt],
    );
    await expect(publish(db, lease, 'walking')).rejects.toThrow(
      `A later snapshot of ${POOL} was published, so this one cannot follow the current state. Discard it.`,
    );
  });

  it('refuses a stage that a crash of Postgres emptied, rather than read it as a mass removal', async () => {
    await take({ users: [user('ann')] });
    const lease = await begin(db);
    await stage(db, lease, { users: [user('ann')] });
    await mergeReads(db, lease, never);
    for (const table of ['walks', 'users', 'groups', 'memberships', 'confirmed']) {
      await db.query(`TRUNCATE mirror.stage_${lease.stage}_${table}`);
    }
    await expect(publish(db, lease, 'walking')).rejects.toThrow(/Postgres restarted after a crash/);
    expect(await rows('SELECT username FROM directory.users')).toEqual([{ username: 'ann' }]);
  });
});
