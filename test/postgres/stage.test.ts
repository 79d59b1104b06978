import type pg from 'pg';
import { beforeEach, describe, expect, it } from 'vitest';
import { FencedError, ResumableError } from '../../src/model/errors.ts';
import { beginSnapshot } from '../../src/postgres/store/begin.ts';
import { commitPages } from '../../src/postgres/store/commit-pages.ts';
import type { Run } from '../../src/postgres/store/leases.ts';
import { mergeReads } from '../../src/postgres/store/merge-reads.ts';
import { dropStrayMemberships, strays } from '../../src/postgres/store/missing.ts';
import { PageCommitter } from '../../src/postgres/store/page-committer.ts';
import { createStage, dropEndedStages, stageTables } from '../../src/postgres/store/stage.ts';
import { endSnapshot, noteReason } from '../../src/postgres/store/transitions.ts';
import {
  allWalks,
  claimWalk,
  dropWalk,
  restartWalk,
  splitWalk,
  type Walk,
  walkSerially,
  walksById,
} from '../../src/postgres/store/walks.ts';
import { databaseForEach } from '../support/postgres.ts';
import { begin, commitUsers, group, POOL, stage, startWalk, user } from './fixtures.ts';

let db: pg.Pool;
databaseForEach(4, (made) => {
  db = made.db;
});
let run: Run;
const never = new AbortController().signal;

beforeEach(async () => {
  run = await begin(db);
});

async function stagedNames(): Promise<string[]> {
  const rows = await db.query<{ username: string }>(
    `SELECT username FROM ${stageTables(run.stage).users} ORDER BY username`,
  );
  return rows.rows.map((row) => row.username);
}

const walkOf = async (id: number) =>
  (await allWalks(db, run)).find((walk) => walk.id === id) as Walk;

describe('a page', () => {
  it('is staged together with the token of the next one', async () => {
    const walk = await startWalk(db, run, {});
    expect(await commitUsers(db, run, walk, [user('ann')], 'token-2')).toBe(true);
    expect(await walkOf(walk.id)).toMatchObject({
      token: 'token-2',
      pages: 1,
      items: 1,
      state: 'open',
    });
    expect(await commitUsers(db, run, walk, [], 'token-3')).toBe(true);
    expect(await walkOf(walk.id)).toMatchObject({
      token: 'token-3',
      pages: 2,
      items: 1,
      state: 'open',
    });
    expect(await commitUsers(db, run, walk, [user('bob')])).toBe(true);
    expect(await walkOf(walk.id)).toMatchObject({ token: null, pages: 3, items: 2, state: 'done' });
    expect(await stagedNames()).toEqual(['ann', 'bob']);
  });

  it('leaves neither rows nor token when one of its rows cannot be stored', async () => {
    const walk = await startWalk(db, run, {});
    const odd = user('ann', { createdAt: { toISOString: () => 'no date' } as Date });
    await expect(commitUsers(db, run, walk, [user('bob'), odd], 'token-2')).rejects.toThrow();
    expect(await walkOf(walk.id)).toMatchObject({ token: null, pages: 0 });
    expect(await stagedNames()).toEqual([]);
  });

  it('of a runner that lost the walk leaves neither rows nor token', async () => {
    const first = await startWalk(db, run, {});
    await commitUsers(db, run, first, [user('ann')], 'token-2');
    const second = (await claimWalk(db, run, first.id)) as Walk;
    expect(await commitUsers(db, run, first, [user('late')], 'token-3')).toBe(false);
    expect(await walkOf(first.id)).toMatchObject({ token: 'token-2', pages: 1 });
    expect(await commitUsers(db, run, second, [user('bob')])).toBe(true);
    expect(await stagedNames()).toEqual(['ann', 'bob']);
  });

  it('does not hold up the others of its group when its walk was lost', async () => {
    const committer = new PageCommitter(db, run);
    const lost = await startWalk(db, run, {});
    const kept = await startWalk(db, run, {});
    await claimWalk(db, run, lost.id);
    const page = (walk: Walk, name: string) =>
      committer.commit({
        walk,
        nextToken: null,
        sentAt: performance.now(),
        users: [user(name)],
        members: [],
      });
    const [late, good] = await Promise.allSettled([page(lost, 'late'), page(kept, 'ann')]);
    expect(late).toMatchObject({ status: 'rejected', reason: expect.any(FencedError) });
    expect(good.status).toBe('fulfilled');
    expect(await stagedNames()).toEqual(['ann']);
  });

  it('tells a stage that a crash emptied from a walk that was taken over', async () => {
    const walk = await startWalk(db, run, {});
    await db.query(`TRUNCATE ${stageTables(run.stage).walks}`);
    const committer = new PageCommitter(db, run);
    const commit = committer.commit({
      walk,
      nextToken: null,
      sentAt: performance.now(),
      users: [],
      members: [],
    });
    await expect(commit).rejects.toThrow(ResumableError);
  });

  it('stages an unchanged user as key and hash alone', async () => {
    const walk = await startWalk(db, run, {});
    const t = stageTables(run.stage);
    await commitUsers(db, run, walk, [user('ann')], 'token-2');
    await db.query(
      `INSERT INTO mirror.user_hashes SELECT $1, username, hash, now() FROM ${t.users}`,
      [POOL],
    );
    await commitUsers(db, run, walk, [user('ann'), user('ann', { enabled: false })]);
    const rows = await db.query(
      `SELECT attributes IS NULL AS bare FROM ${t.users} ORDER BY read_at, bare DESC`,
    );
    expect(rows.rows.map((row) => row.bare)).toEqual([false, true, false]);
  });

  it('hashes attributes whatever their order', async () => {
    const walk = await startWalk(db, run, {});
    const one = user('ann', { attributes: { a: '1', b: '2' } });
    const two = user('ann', { attributes: { b: '2', a: '1' } });
    await commitUsers(db, run, walk, [one, two]);
    const rows = await db.query(`SELECT DISTINCT hash FROM ${stageTables(run.stage).users}`);
    expect(rows.rowCount).toBe(1);
  });
});

describe('a walk', () => {
  it('whose token is over 50 minutes old starts again, and one below goes on', async () => {
    const walk = await startWalk(db, run, {});
    const minutesAgo = (minutes: number) => performance.now() - minutes * 60_000;
    const page = { walk, nextToken: 'token-2', users: [user('ann')], members: [] };
    await commitPages(db, run, [{ ...page, sentAt: minutesAgo(49) }]);
    const going = (await claimWalk(db, run, walk.id)) as Walk;
    expect(going).toMatchObject({ attempt: 1, token: 'token-2', pages: 1, items: 1 });
    await commitPages(db, run, [{ ...page, walk: going, sentAt: minutesAgo(51) }]);
    const again = (await claimWalk(db, run, walk.id)) as Walk;
    expect(again).toMatchObject({ attempt: 2, token: null, pages: 0, items: 0 });
    await commitUsers(db, run, again, [user('bob')]);
    await mergeReads(db, run, never);
    expect(await stagedNames()).toEqual(['bob']);
  });

  it('that is cut gives its place to others, and its rows count for nothing', async () => {
    const walk = await startWalk(db, run, {});
    await commitUsers(db, run, walk, [user('ann')], 'token-2');
    const { walks: children } = await splitWalk(db, run, walk, [
      { kind: 'users', prefix: '0', groupName: null, expected: 7 },
    ]);
    expect(children).toMatchObject([{ prefix: '0', expected: 7, state: 'open' }]);
    expect(await claimWalk(db, run, walk.id)).toBeNull();
    const child = (await claimWalk(db, run, (children[0] as Walk).id)) as Walk;
    await commitUsers(db, run, child, [user('bob')]);
    await mergeReads(db, run, never);
    expect(await stagedNames()).toEqual(['bob']);
  });

  it('cannot be cut by a runner that lost it', async () => {
    const walk = await startWalk(db, run, {});
    await claimWalk(db, run, walk.id);
    await expect(splitWalk(db, run, walk, [])).rejects.toThrow(FencedError);
    await expect(restartWalk(db, run, walk)).rejects.toThrow(FencedError);
    await expect(dropWalk(db, run, walk)).rejects.toThrow(FencedError);
  });

  it('over all users takes the place of every shard, once', async () => {
    const shard = await startWalk(db, run, { prefix: '0' });
    await commitUsers(db, run, shard, [user('ann')]);
    const serial = (await walkSerially(db, run, 5)) as Walk;
    expect(await walkSerially(db, run, 5)).toBeNull();
    expect(serial).toMatchObject({ prefix: null, state: 'open', expected: 5 });
    const taken = (await claimWalk(db, run, serial.id)) as Walk;
    await commitUsers(db, run, taken, [user('bob')]);
    await mergeReads(db, run, never);
    expect(await stagedNames()).toEqual(['bob']);
  });
});

describe('merging reads', () => {
  it('keeps of a user read twice the greater modification, then the later read', async () => {
    const old = user('ann', { modifiedAt: new Date(1000), status: 'OLD' });
    const young = user('ann', { modifiedAt: new Date(2000), status: 'YOUNG' });
    const first = await startWalk(db, run, {});
    const second = await startWalk(db, run, {});
    await commitUsers(db, run, first, [young, user('bob', { status: 'EARLIER' })]);
    await commitUsers(db, run, second, [old, user('bob', { status: 'LATER' })]);
    await mergeReads(db, run, never);
    await mergeReads(db, run, never);
    const rows = await db.query(
      `SELECT username, status FROM ${stageTables(run.stage).users} ORDER BY 1`,
    );
    expect(rows.rows).toEqual([
      { username: 'ann', status: 'YOUNG' },
      { username: 'bob', status: 'LATER' },
    ]);
  });

  it('refuses a snapshot with a walk that has not ended', async () => {
    const walk = await startWalk(db, run, {});
    await commitUsers(db, run, walk, [], 'token-2');
    await expect(mergeReads(db, run, never)).rejects.toThrow(/1 of its walks have not ended/);
  });

  it('drops the memberships of groups that were deleted meanwhile, and finds members without user', async () => {
    await stage(db, run, {
      users: [user('ann')],
      groups: [group('staff'), group('gone')],
      members: { staff: [user('ann'), user('stray')], gone: [user('ann')] },
    });
    const t = stageTables(run.stage);
    await db.query(`UPDATE ${t.walks} SET state = 'dropped' WHERE group_name = 'gone'`);
    await mergeReads(db, run, never);
    expect(await strays(db, run, 10)).toEqual([{ username: 'stray', sub: 'sub-of-stray' }]);
    expect(await dropStrayMemberships(db, run)).toBe(1);
    const left = await db.query(`SELECT group_name, username FROM ${t.memberships}`);
    expect(left.rows).toEqual([{ group_name: 'staff', username: 'ann' }]);
    const groups = await db.query(`SELECT group_name FROM ${t.groups}`);
    expect(groups.rows).toEqual([{ group_name: 'staff' }]);
  });
});

describe('a snapshot', () => {
  it('is taken up again by the next run, which fences the one before', async () => {
    const again = await beginSnapshot(db, POOL, createStage);
    expect(again).toMatchObject({
      resumed: true,
      run: { snapshotAt: run.snapshotAt, fence: run.fence + 1 },
    });
    await expect(mergeReads(db, run, never)).rejects.toThrow(FencedError);
    await expect(endSnapshot(db, run, ['walking'], 'failed', 'x')).rejects.toThrow(FencedError);
  });

  it('is written no more by a runner that was fenced, whatever it tries', async () => {
    const walk = await startWalk(db, run, {});
    const { run: next } = await beginSnapshot(db, POOL, createStage);
    const claimed = (await claimWalk(db, next, walk.id)) as Walk;
    await expect(claimWalk(db, run, walk.id)).rejects.toThrow(FencedError);
    expect(await commitUsers(db, run, walk, [user('late')])).toBe(false);
    expect(await walkSerially(db, run, 1)).toBeNull();
    await noteReason(db, run, 'late');
    expect(await commitUsers(db, next, claimed, [user('ann')])).toBe(true);
    const rows = await db.query('SELECT state, reason FROM directory.snapshots');
    expect(rows.rows).toEqual([{ state: 'walking', reason: null }]);
    expect(await stagedNames()).toEqual(['ann']);
  });

  it('that is held is discarded by the next run', async () => {
    await endSnapshot(db, run, ['walking'], 'held', 'too small');
    const second = await begin(db);
    expect(second.snapshotAt.getTime()).toBeGreaterThan(run.snapshotAt.getTime());
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
    const next = await beginSnapshot(db, POOL, createStage);
    expect(next.resumed).toBe(false);
    const states = await db.query('SELECT state FROM directory.snapshots ORDER BY snapshot_at');
    expect(states.rows).toEqual([{ state: 'failed' }, { state: 'walking' }]);
  });

  it('begins at least a second after the one before, in whole seconds', async () => {
    let last = run.snapshotAt.getTime();
    for (let i = 0; i < 3; i++) {
      await endSnapshot(db, i === 0 ? run : await begin(db), ['walking'], 'failed', 'x');
      const next = await begin(db);
      expect(next.snapshotAt.getTime()).toBeGreaterThanOrEqual(last + 1000);
      expect(next.snapshotAt.getMilliseconds()).toBe(0);
      last = next.snapshotAt.getTime();
      await endSnapshot(db, next, ['walking'], 'failed', 'x');
    }
  });

  it('leaves no stage behind once it has ended', async () => {
    const stages = async () =>
      (await db.query(`SELECT FROM pg_class WHERE relname ~ '^stage_[0-9]+_[a-z]+$'`)).rowCount;
    await dropEndedStages(db);
    expect(await stages()).toBe(5);
    await endSnapshot(db, run, ['walking'], 'held', 'x');
    await dropEndedStages(db);
    expect(await stages()).toBe(5);
    await endSnapshot(db, run, ['held'], 'discarded', 'x');
    await dropEndedStages(db);
    expect(await stages()).toBe(0);
    // A runner that froze asks for its walks when it wakes up.
    expect(await allWalks(db, run)).toEqual([]);
    expect(await walksById(db, run, [1])).toEqual([]);
  });
});
