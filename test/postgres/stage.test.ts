import type pg from 'pg';
import { beforeEach, describe, expect, it } from 'vitest';
import { LeaseLostError, ResumableError } from '../../src/model/errors.ts';
import { commitPages } from '../../src/postgres/store/commit-pages.ts';
import type { SnapshotLease } from '../../src/postgres/store/leases.ts';
import { mergeReads } from '../../src/postgres/store/merge-reads.ts';
import { dropOrphans, findOrphans } from '../../src/postgres/store/missing.ts';
import { PageCommitter } from '../../src/postgres/store/page-committer.ts';
import {
  dropWalk,
  replaceWithSingleChain,
  restartWalk,
  splitWalk,
} from '../../src/postgres/store/replace-walks.ts';
import { recordReason } from '../../src/postgres/store/snapshot-notes.ts';
import { dropEndedStages, stageTables } from '../../src/postgres/store/stage.ts';
import { createSettingsStage } from '../../src/postgres/store/stage-settings.ts';
import {
  beginSnapshot,
  discardSnapshot,
  failSnapshot,
  holdSnapshot,
} from '../../src/postgres/store/transitions.ts';
import { findWalks, leaseWalk, listWalks, type Walk } from '../../src/postgres/store/walks.ts';
import { databaseForEach } from '../support/postgres.ts';
import { begin, commitUsers, group, POOL, stage, startWalk, user } from './fixtures.ts';

let db: pg.Pool;
databaseForEach(4, (made) => {
  db = made.db;
});
let lease: SnapshotLease;
const never = new AbortController().signal;

beforeEach(async () => {
  lease = await begin(db);
});

async function stagedNames(): Promise<string[]> {
  const rows = await db.query<{ username: string }>(
    `SELECT username FROM ${stageTables(lease.stage).users} ORDER BY username`,
  );
  return rows.rows.map((row) => row.username);
}

const walkOf = async (id: number) =>
  (await listWalks(db, lease)).find((walk) => walk.id === id) as Walk;

describe('a page', () => {
  it('is staged together with the token of the next one', async () => {
    const walk = await startWalk(db, lease, {});
    expect(await commitUsers(db, lease, walk, [user('ann')], 'token-2')).toBe(true);
    expect(await walkOf(walk.id)).toMatchObject({
      token: 'token-2',
      pages: 1,
      items: 1,
      state: 'open',
    });
    expect(await commitUsers(db, lease, walk, [], 'token-3')).toBe(true);
    expect(await walkOf(walk.id)).toMatchObject({
      token: 'token-3',
      pages: 2,
      items: 1,
      state: 'open',
    });
    expect(await commitUsers(db, lease, walk, [user('bob')])).toBe(true);
    expect(await walkOf(walk.id)).toMatchObject({ token: null, pages: 3, items: 2, state: 'done' });
    expect(await stagedNames()).toEqual(['ann', 'bob']);
  });

  it('leaves neither rows nor token when one of its rows cannot be stored', async () => {
    const walk = await startWalk(db, lease, {});
    const odd = user('ann', { createdAt: { toISOString: () => 'no date' } as Date });
    await expect(commitUsers(db, lease, walk, [user('bob'), odd], 'token-2')).rejects.toThrow();
    expect(await walkOf(walk.id)).toMatchObject({ token: null, pages: 0 });
    expect(await stagedNames()).toEqual([]);
  });

  it('of a runner that lost the walk leaves neither rows nor token', async () => {
    const first = await startWalk(db, lease, {});
    await commitUsers(db, lease, first, [user('ann')], 'token-2');
    const second = (await leaseWalk(db, lease, first.id)) as Walk;
    expect(await commitUsers(db, lease, first, [user('late')], 'token-3')).toBe(false);
    expect(await walkOf(first.id)).toMatchObject({ token: 'token-2', pages: 1 });
    expect(await commitUsers(db, lease, second, [user('bob')])).toBe(true);
    expect(await stagedNames()).toEqual(['ann', 'bob']);
  });

  it('does not hold up the others of its group when its walk was lost', async () => {
    const committer = new PageCommitter(db, lease);
    const lost = await startWalk(db, lease, {});
    const kept = await startWalk(db, lease, {});
    await leaseWalk(db, lease, lost.id);
    const page = (walk: Walk, name: string) =>
      committer.commit({
        walk,
        nextToken: null,
        sentAt: performance.now(),
        waitedMs: 0,
        retries: 0,
        users: [user(name)],
        members: [],
      });
    const [late, good] = await Promise.allSettled([page(lost, 'late'), page(kept, 'ann')]);
    expect(late).toMatchObject({ status: 'rejected', reason: expect.any(LeaseLostError) });
    expect(good.status).toBe('fulfilled');
    expect(await stagedNames()).toEqual(['ann']);
  });

  it('distinguishes a stage that a crash emptied from a walk that was taken over', async () => {
    const walk = await startWalk(db, lease, {});
    await db.query(`TRUNCATE ${stageTables(lease.stage).walks}`);
    const committer = new PageCommitter(db, lease);
    const commit = committer.commit({
      walk,
      nextToken: null,
      sentAt: performance.now(),
      waitedMs: 0,
      retries: 0,
      users: [],
      members: [],
    });
    await expect(commit).rejects.toThrow(ResumableError);
  });

  it('stages an unchanged user as key and hash alone', async () => {
    const walk = await startWalk(db, lease, {});
    const t = stageTables(lease.stage);
    await commitUsers(db, lease, walk, [user('ann')], 'token-2');
    await db.query(
      `INSERT INTO mirror.user_hashes SELECT $1, username, hash, now() FROM ${t.users}`,
      [POOL],
    );
    await commitUsers(db, lease, walk, [user('ann'), user('ann', { enabled: false })]);
    const rows = await db.query(
      `SELECT attributes IS NULL AS bare FROM ${t.users} ORDER BY read_at, bare DESC`,
    );
    expect(rows.rows.map((row) => row.bare)).toEqual([false, true, false]);
  });

  it('hashes attributes whatever their order', async () => {
    const walk = await startWalk(db, lease, {});
    const one = user('ann', { attributes: { a: '1', b: '2' } });
    const two = user('ann', { attributes: { b: '2', a: '1' } });
    await commitUsers(db, lease, walk, [one, two]);
    const rows = await db.query(`SELECT DISTINCT hash FROM ${stageTables(lease.stage).users}`);
    expect(rows.rowCount).toBe(1);
  });
});

describe('a walk', () => {
  it('whose token is over 50 minutes old starts again, and one below goes on', async () => {
    const walk = await startWalk(db, lease, {});
    const minutesAgo = (minutes: number) => performance.now() - minutes * 60_000;
    const page = { walk, nextToken: 'token-2', users: [user('ann')], members: [] };
    await commitPages(db, lease, [{ ...page, sentAt: minutesAgo(49), waitedMs: 0, retries: 0 }]);
    const going = (await leaseWalk(db, lease, walk.id)) as Walk;
    expect(going).toMatchObject({ attempt: 1, token: 'token-2', pages: 1, items: 1 });
    await commitPages(db, lease, [
      { ...page, walk: going, sentAt: minutesAgo(51), waitedMs: 0, retries: 0 },
    ]);
    const again = (await leaseWalk(db, lease, walk.id)) as Walk;
    expect(again).toMatchObject({ attempt: 2, token: null, pages: 0, items: 0 });
    await commitUsers(db, lease, again, [user('bob')]);
    await mergeReads(db, lease, never);
    expect(await stagedNames()).toEqual(['bob']);
  });

  it('that is cut gives its place to others, and its rows count for nothing', async () => {
    const walk = await startWalk(db, lease, {});
    await commitUsers(db, lease, walk, [user('ann')], 'token-2');
    const { walks: children } = await splitWalk(db, lease, walk, [
      { kind: 'users', prefix: '0', groupName: null, expected: 7 },
    ]);
    expect(children).toMatchObject([{ prefix: '0', expected: 7, state: 'open' }]);
    expect(await leaseWalk(db, lease, walk.id)).toBeNull();
    const child = (await leaseWalk(db, lease, (children[0] as Walk).id)) as Walk;
    await commitUsers(db, lease, child, [user('bob')]);
    await mergeReads(db, lease, never);
    expect(await stagedNames()).toEqual(['bob']);
  });

  it('cannot be cut by a runner that lost it', async () => {
    const walk = await startWalk(db, lease, {});
    await leaseWalk(db, lease, walk.id);
    await expect(splitWalk(db, lease, walk, [])).rejects.toThrow(LeaseLostError);
    await expect(restartWalk(db, lease, walk)).rejects.toThrow(LeaseLostError);
    await expect(dropWalk(db, lease, walk)).rejects.toThrow(LeaseLostError);
  });

  it('over all users takes the place of every shard, once', async () => {
    const shard = await startWalk(db, lease, { prefix: '0' });
    await commitUsers(db, lease, shard, [user('ann')]);
    const serial = (await replaceWithSingleChain(db, lease, 5)) as Walk;
    expect(await replaceWithSingleChain(db, lease, 5)).toBeNull();
    expect(serial).toMatchObject({ prefix: null, state: 'open', expected: 5 });
    const taken = (await leaseWalk(db, lease, serial.id)) as Walk;
    await commitUsers(db, lease, taken, [user('bob')]);
    await mergeReads(db, lease, never);
    expect(await stagedNames()).toEqual(['bob']);
  });
});

describe('merging reads', () => {
  it('keeps of a user read twice the greater modification, then the later read', async () => {
    const old = user('ann', { modifiedAt: new Date(1000), status: 'OLD' });
    const young = user('ann', { modifiedAt: new Date(2000), status: 'YOUNG' });
    const first = await startWalk(db, lease, {});
    const second = await startWalk(db, lease, {});
    await commitUsers(db, lease, first, [young, user('bob', { status: 'EARLIER' })]);
    await commitUsers(db, lease, second, [old, user('bob', { status: 'LATER' })]);
    await mergeReads(db, lease, never);
    await mergeReads(db, lease, never);
    const rows = await db.query(
      `SELECT username, status FROM ${stageTables(lease.stage).users} ORDER BY 1`,
    );
    expect(rows.rows).toEqual([
      { username: 'ann', status: 'YOUNG' },
      { username: 'bob', status: 'LATER' },
    ]);
  });

  it('refuses a snapshot with a walk that has not ended', async () => {
    const walk = await startWalk(db, lease, {});
    await commitUsers(db, lease, walk, [], 'token-2');
    await expect(mergeReads(db, lease, never)).rejects.toThrow(/1 of its walks have not ended/);
  });

  it('drops the memberships of groups that were deleted in between, and finds members without user', async () => {
    await stage(db, lease, {
      users: [user('ann')],
      groups: [group('staff'), group('gone')],
      members: { staff: [user('ann'), user('stray')], gone: [user('ann')] },
    });
    const t = stageTables(lease.stage);
    await db.query(`UPDATE ${t.walks} SET state = 'dropped' WHERE group_name = 'gone'`);
    await mergeReads(db, lease, never);
    expect(await findOrphans(db, lease, 10)).toEqual([{ username: 'stray', sub: 'sub-of-stray' }]);
    expect(await dropOrphans(db, lease)).toBe(1);
    const left = await db.query(`SELECT group_name, username FROM ${t.memberships}`);
    expect(left.rows).toEqual([{ group_name: 'staff', username: 'ann' }]);
    const groups = await db.query(`SELECT group_name FROM ${t.groups}`);
    expect(groups.rows).toEqual([{ group_name: 'staff' }]);
  });
});

describe('a snapshot', () => {
  it('is resumed by the next run, whose lease replaces the one before', async () => {
    const again = await beginSnapshot(db, POOL);
    expect(again).toMatchObject({
      resumed: true,
      lease: { snapshotAt: lease.snapshotAt, number: lease.number + 1 },
    });
    await expect(mergeReads(db, lease, never)).rejects.toThrow(LeaseLostError);
    await expect(failSnapshot(db, lease, 'x')).rejects.toThrow(LeaseLostError);
  });

  it('is written no more by a runner that was fenced, whatever it tries', async () => {
    const walk = await startWalk(db, lease, {});
    const { lease: next } = await beginSnapshot(db, POOL);
    const claimed = (await leaseWalk(db, next, walk.id)) as Walk;
    await expect(leaseWalk(db, lease, walk.id)).rejects.toThrow(LeaseLostError);
    expect(await commitUsers(db, lease, walk, [user('late')])).toBe(false);
    expect(await replaceWithSingleChain(db, lease, 1)).toBeNull();
    await recordReason(db, lease, 'late');
    expect(await commitUsers(db, next, claimed, [user('ann')])).toBe(true);
    const rows = await db.query('SELECT state, reason FROM directory.snapshots');
    expect(rows.rows).toEqual([{ state: 'walking', reason: null }]);
    expect(await stagedNames()).toEqual(['ann']);
  });

  it('that is held is discarded by the next run', async () => {
    await holdSnapshot(db, lease, 'too small');
    const second = await begin(db);
    expect(second.snapshotAt.getTime()).toBeGreaterThan(lease.snapshotAt.getTime());
    const states = await db.query(
      'SELECT state, reason FROM directory.snapshots ORDER BY snapshot_at',
    );
    expect(states.rows).toEqual([
      { state: 'discarded', reason: 'Discarded for a newer snapshot; it was held: too small' },
      { state: 'walking', reason: null },
    ]);
  });

  it('that began over 24 hours ago is failed by the next run', async () => {
    await db.query(
      `WITH runs AS (UPDATE mirror.runs SET snapshot_at = snapshot_at - interval '25 hours')
       UPDATE directory.snapshots SET snapshot_at = snapshot_at - interval '25 hours', snapshot = 'old'`,
    );
    const next = await beginSnapshot(db, POOL);
    expect(next.resumed).toBe(false);
    const states = await db.query('SELECT state FROM directory.snapshots ORDER BY snapshot_at');
    expect(states.rows).toEqual([{ state: 'failed' }, { state: 'walking' }]);
  });

  it('begins at least a second after the one before, in whole seconds', async () => {
    let last = lease.snapshotAt.getTime();
    for (let i = 0; i < 3; i++) {
      await failSnapshot(db, i === 0 ? lease : await begin(db), 'x');
      const next = await begin(db);
      expect(next.snapshotAt.getTime()).toBeGreaterThanOrEqual(last + 1000);
      expect(next.snapshotAt.getMilliseconds()).toBe(0);
      last = next.snapshotAt.getTime();
      await failSnapshot(db, next, 'x');
    }
  });

  it('leaves no stage behind once it has ended', async () => {
    const stages = async () =>
      (await db.query(`SELECT FROM pg_class WHERE relname ~ '^stage_[0-9]+_[a-z]+$'`)).rowCount;
    await dropEndedStages(db);
    expect(await stages()).toBe(5);
    await holdSnapshot(db, lease, 'x');
    await dropEndedStages(db);
    expect(await stages()).toBe(5);
    await discardSnapshot(db, lease, 'x');
    await dropEndedStages(db);
    expect(await stages()).toBe(0);
    // A runner that froze asks for its walks when it wakes up.
    expect(await listWalks(db, lease)).toEqual([]);
    expect(await findWalks(db, lease, [1])).toEqual([]);
  });
});

describe('the tables of a stage', () => {
  const kinds = async (number: number) => {
    const found = await db.query<{ kind: string }>(
      `SELECT relpersistence::text AS kind FROM pg_class WHERE relname ~ $1 AND relkind = 'r'`,
      [`^stage_${number}_`],
    );
    return found.rows.map(({ kind }) => kind).join('');
  };

  it('are all UNLOGGED, and all LOGGED once the snapshot is held', async () => {
    await createSettingsStage(db, lease);
    expect(await kinds(lease.stage)).toBe('uuuuuu');
    await holdSnapshot(db, lease, 'too small');
    expect(await kinds(lease.stage)).toBe('pppppp');
  });

  it('are all LOGGED where the walks take long, whatever is added later', async () => {
    await failSnapshot(db, lease, 'x');
    const long = (await beginSnapshot(db, POOL, null, true)).lease;
    await createSettingsStage(db, long);
    expect(await kinds(long.stage)).toBe('pppppp');
  });
});
