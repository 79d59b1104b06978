import type pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openPool } from '../../src/postgres/connection.ts';
import { type Locks, openLocks } from '../../src/postgres/coordination/locks.ts';
import { openRequest, recordSnapshot } from '../../src/postgres/coordination/requests.ts';
import { recordHeartbeat } from '../../src/postgres/coordination/workers.ts';
import type { SnapshotLease } from '../../src/postgres/store/leases.ts';
import { beginProgress, saveProgress } from '../../src/postgres/store/progress.ts';
import { stageTables } from '../../src/postgres/store/stage.ts';
import { holdSnapshot } from '../../src/postgres/store/transitions.ts';
import { measureRates, readStatus, type Status } from '../../src/runner/status.ts';
import { begin, commitUsers, POOL, startWalk, user } from '../postgres/fixtures.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

let database: TestDatabase;
let db: pg.Pool;
let lease: SnapshotLease;
let walks: string;
let locks: Locks;

beforeEach(async () => {
  database = await createTestDatabase();
  db = openPool(database.url, 4);
  lease = await begin(db);
  await beginProgress(db, lease);
  locks = await openLocks(database.url, () => {});
  await locks.lockPool(POOL);
  ({ walks } = stageTables(lease.stage));
});
afterEach(async () => {
  await locks.unlock();
  await db.end();
  await database.drop();
});

const people = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => user(`user-${from + index}`));

function walkingOf({ snapshots }: Status) {
  const walking = snapshots[0]?.walking;
  if (!walking) throw new Error('No snapshot is being taken.');
  return walking;
}

async function beganAt(): Promise<Date> {
  const { rows } = await db.query('SELECT began_at FROM mirror.progress WHERE pool_id = $1', [
    POOL,
  ]);
  return rows[0].began_at;
}

const seconds = (from: Date, to: Date) => (to.getTime() - from.getTime()) / 1000;

describe('the walks of a snapshot that is being taken', () => {
  it('are those that have read a page and have more to read, the longest remaining first', async () => {
    const waiting = await startWalk(db, lease, { prefix: '0', expected: 900 });
    const near = await startWalk(db, lease, { prefix: '1', expected: 12 });
    const far = await startWalk(db, lease, { prefix: '2', expected: 500 });
    const ended = await startWalk(db, lease, { prefix: '3', expected: 2 });
    await commitUsers(db, lease, near, people(0, 10), 'token');
    await commitUsers(db, lease, far, people(10, 15), 'token');
    await commitUsers(db, lease, ended, people(15, 17));
    const walking = walkingOf(await readStatus(db, null));
    expect(walking.inProgress).toEqual([
      expect.objectContaining({ id: far.id, kind: 'users', prefix: '2', items: 5, expected: 500 }),
      expect.objectContaining({ id: near.id, pages: 1, attempt: 1, items: 10, expected: 12 }),
    ]);
    expect(walking.walks).toEqual([
      expect.objectContaining({ walks: 4, walksDone: 1, walksInProgress: 2, items: 17 }),
    ]);
    expect(walking.inProgress.map(({ id }) => id)).not.toContain(waiting.id);
  });

  it('are at most fifty, without names of groups and without tokens', async () => {
    await db.query(
      `INSERT INTO ${walks} (kind, group_name, expected, pages, items, token, token_at)
       SELECT 'members', 'Patients of Dr. Grey ' || n, 1000, 1, n, 'secret-token', clock_timestamp()
       FROM generate_series(1, 60) AS n`,
    );
    const status = await readStatus(db, null);
    const { inProgress, walks: kinds } = walkingOf(status);
    expect(inProgress.map(({ items }) => items)).toEqual(
      Array.from({ length: 50 }, (_, index) => index + 1),
    );
    expect(kinds[0]).toMatchObject({ kind: 'members', walksInProgress: 60 });
    expect(JSON.stringify(status)).not.toMatch(/Grey|secret/);
  });

  it('of unknown size are expected to be like the others of their kind', async () => {
    await db.query(
      `INSERT INTO ${walks} (kind, group_name, state, expected, pages, items) VALUES
       ('members', 'a', 'done', NULL, 1, 30), ('members', 'b', 'open', 50, 1, 60),
       ('members', 'c', 'open', NULL, 0, 0), ('members', 'd', 'open', NULL, 1, 20),
       ('members', 'e', 'dropped', 700, 0, 0), ('groups', NULL, 'open', NULL, 1, 5)`,
    );
    const { walks: kinds } = walkingOf(await readStatus(db, null));
    expect(kinds).toEqual([
      expect.objectContaining({ kind: 'groups', items: 5, expected: null }),
      expect.objectContaining({ kind: 'members', items: 110, expected: 30 + 60 + 2 * 45 }),
    ]);
  });

  it('have no known end if they read more than expected', async () => {
    await db.query(
      `INSERT INTO ${walks} (kind, group_name, state, expected, pages, items, token_at) VALUES
       ('members', 'a', 'done', NULL, 1, 5, clock_timestamp()),
       ('members', 'b', 'open', NULL, 9, 500, clock_timestamp()),
       ('users', NULL, 'done', 90, 2, 100, clock_timestamp())`,
    );
    expect(walkingOf(await readStatus(db, null))).toMatchObject({
      walks: [
        { kind: 'users', items: 100, expected: 100 },
        { kind: 'members', items: 505, expected: null },
      ],
      estimatedEnd: null,
    });
  });

  it('are empty if the stage is gone', async () => {
    await db.query(`DROP TABLE ${walks}`);
    expect(walkingOf(await readStatus(db, null))).toMatchObject({
      walks: [],
      inProgress: [],
      readAt: null,
      estimatedEnd: null,
    });
  });
});

describe('rates', () => {
  it('are averages since the run began at first', async () => {
    const walk = await startWalk(db, lease, { expected: 40 });
    await commitUsers(db, lease, walk, people(0, 30), 'token');
    const status = await readStatus(db, null);
    const { rate, rateSince, estimatedEnd, inProgress } = walkingOf(status);
    expect(rateSince).toEqual(await beganAt());
    expect(rate).toBeCloseTo(30 / Math.max(1, seconds(await beganAt(), status.at)));
    expect(seconds(status.at, estimatedEnd as Date)).toBeCloseTo(10 / (rate as number), 1);
    expect(inProgress[0]).toMatchObject({ rate: null, estimatedEnd: null });
  });

  it('count what this run read, not what earlier runs read', async () => {
    const walk = await startWalk(db, lease, { expected: 12_000 });
    await db.query(`UPDATE ${walks} SET items = 9300, pages = 155, token_at = clock_timestamp()`);
    await beginProgress(db, lease);
    expect(walkingOf(await readStatus(db, null))).toMatchObject({ rate: 0, estimatedEnd: null });
    await db.query(`UPDATE ${walks} SET items = 9360`);
    await db.query(`UPDATE mirror.progress SET began_at = began_at - interval '10 seconds'`);
    const status = await readStatus(db, null);
    const { rate, estimatedEnd } = walkingOf(status);
    expect(rate).toBeCloseTo(60 / seconds(await beganAt(), status.at));
    expect(rate).toBeLessThanOrEqual(6);
    expect(seconds(status.at, estimatedEnd as Date)).toBeCloseTo(2_640 / (rate as number), 1);
    // A restarted walk loses the items of earlier runs: no rate is below zero.
    await db.query(`UPDATE ${walks} SET items = 60, attempt = 2 WHERE id = $1`, [walk.id]);
    expect(walkingOf(await readStatus(db, null)).rate).toBe(0);
  });

  it('show no end in the past: no end if everything expected was read', async () => {
    const walk = await startWalk(db, lease, { expected: 30 });
    await commitUsers(db, lease, walk, people(0, 30), 'token');
    const open = walkingOf(await readStatus(db, null));
    expect(open).toMatchObject({ rate: expect.any(Number), estimatedEnd: null });
    expect(open.rate).toBeGreaterThan(0);
  });

  it('are measured between two readings, also after a long pause', async () => {
    const walk = await startWalk(db, lease, { expected: 90 });
    const other = await startWalk(db, lease, { expected: 50 });
    await commitUsers(db, lease, walk, people(0, 30), 'one');
    await commitUsers(db, lease, other, people(30, 40), 'one');
    await db.query(`UPDATE ${walks} SET token_at = token_at - interval '3 hours'`);
    const first = await readStatus(db, null);
    await commitUsers(db, lease, walk, people(40, 60), 'two');
    await db.query(
      `UPDATE ${walks} SET token_at = token_at - interval '3 hours' + interval '4 seconds'
       WHERE id = $1`,
      [walk.id],
    );
    const second = await readStatus(db, null);
    const status = measureRates(second, first);
    const { rate, rateSince, inProgress } = walkingOf(status);
    expect(rateSince).toEqual(first.at);
    expect(rate).toBeCloseTo(20 / seconds(first.at, second.at));
    const [moved, resting] = inProgress;
    const between = seconds(
      walkingOf(first).inProgress.find(({ id }) => id === walk.id)?.readAt as Date,
      moved?.readAt as Date,
    );
    expect(moved).toMatchObject({ id: walk.id, items: 50 });
    expect(moved?.rate).toBeCloseTo(20 / between);
    expect(seconds(status.at, moved?.estimatedEnd as Date)).toBeCloseTo(between * 2, 1);
    expect(resting).toMatchObject({ id: other.id, rate: null, estimatedEnd: null });
  });

  it('stay averages if walks lost items by a restart', async () => {
    const walk = await startWalk(db, lease, { expected: 90 });
    await commitUsers(db, lease, walk, people(0, 30), 'one');
    const first = await readStatus(db, null);
    await db.query(`UPDATE ${walks} SET attempt = 2, items = 10, token_at = clock_timestamp()`);
    const { rate, rateSince, inProgress } = walkingOf(
      measureRates(await readStatus(db, null), first),
    );
    expect(rateSince).toEqual(await beganAt());
    expect(rate).toBeGreaterThan(0);
    expect(inProgress[0]).toMatchObject({ attempt: 2, rate: null });
  });

  it('show no end if no page was requested for a minute', async () => {
    const walk = await startWalk(db, lease, { expected: 90 });
    await commitUsers(db, lease, walk, people(0, 30), 'one');
    expect(walkingOf(await readStatus(db, null)).estimatedEnd).not.toBeNull();
    await db.query(`UPDATE ${walks} SET token_at = clock_timestamp() - interval '61 seconds'`);
    const status = await readStatus(db, null);
    const { estimatedEnd, readAt } = walkingOf(status);
    expect(estimatedEnd).toBeNull();
    expect(seconds(readAt as Date, status.at)).toBeGreaterThan(60);
  });
});

describe('what works on a snapshot', () => {
  const snapshotOf = async () => (await readStatus(db, null)).snapshots[0];

  it('is one process while it holds the lock of the pool', async () => {
    const walk = await startWalk(db, lease, { expected: 90 });
    await commitUsers(db, lease, walk, people(0, 30), 'one');
    expect(await snapshotOf()).toMatchObject({ runner: 'inline', progress: { phase: 'walk' } });
    await locks.unlock();
    await expect.poll(snapshotOf).toMatchObject({
      state: 'walking',
      runner: null,
      progress: null,
      walking: { rate: null, rateSince: null, estimatedEnd: null },
    });
    // The lock of another pool is another lock.
    locks = await openLocks(database.url, () => {});
    await locks.lockPool('us-east-1_Another');
    expect(await snapshotOf()).toMatchObject({ runner: null });
  });

  it('is detected without a lock that a run would wait for', async () => {
    await locks.unlock();
    locks = await openLocks(database.url, () => {});
    const looking = Promise.all(Array.from({ length: 20 }, () => readStatus(db, null)));
    for (let turn = 0; turn < 20; turn++) {
      expect(await locks.lockPool(`us-east-1_Turn${turn}`)).toBe(true);
    }
    expect(await locks.lockPool(POOL)).toBe(true);
    await looking;
  });

  it('is workers while a request has it and a worker is alive', async () => {
    await locks.unlock();
    const request = await openRequest(db, POOL, 'trigger');
    await recordSnapshot(db, request?.id as number, lease.snapshotAt);
    await expect.poll(snapshotOf).toMatchObject({ runner: null });
    const worker = { id: 'w', host: 'h', pid: 1, version: '0.1.0' };
    await recordHeartbeat(db, worker, { jobs: 1, problem: null });
    expect(await snapshotOf()).toMatchObject({ runner: 'workers', progress: { phase: 'walk' } });
    await db.query(`UPDATE mirror.workers SET seen_at = seen_at - interval '31 seconds'`);
    expect(await snapshotOf()).toMatchObject({ runner: null });
  });

  it('is shown with its step and progress, without a rate of walks', async () => {
    const walk = await startWalk(db, lease, { expected: 90 });
    await commitUsers(db, lease, walk, people(0, 90));
    await saveProgress(db, lease, 'check', { done: 340, total: 1_000 });
    const first = await readStatus(db, null);
    expect(first.snapshots[0]).toMatchObject({
      progress: { phase: 'check', done: 340, total: 1_000, notedAt: expect.any(Date) },
      walking: { rate: null, estimatedEnd: null },
    });
    await saveProgress(db, lease, 'publish', null);
    expect(measureRates(await readStatus(db, null), first).snapshots[0]).toMatchObject({
      progress: { phase: 'publish', done: null, total: null },
      walking: { rate: null, estimatedEnd: null },
    });
  });

  it('is not written by a runner that lost the lease', async () => {
    await saveProgress(db, { ...lease, number: lease.number + 1 }, 'publish', null);
    expect(await snapshotOf()).toMatchObject({ progress: { phase: 'walk' } });
  });

  it('is null once the snapshot is held, although the next run of the pool started', async () => {
    await saveProgress(db, lease, 'check', null);
    await holdSnapshot(db, lease, 'It lacks users.');
    expect(await snapshotOf()).toMatchObject({ state: 'held', runner: null, progress: null });
    // A person releases it.
    await saveProgress(db, lease, 'publish', null);
    expect(await snapshotOf()).toMatchObject({ runner: 'inline', progress: { phase: 'publish' } });
  });
});

describe('schedules, workers and requests', () => {
  it('are those of the requested pools, and all workers', async () => {
    await db.query(
      `INSERT INTO mirror.schedules VALUES
       ($1, '0 2 * * *', 'UTC', '2026-11-22T02:00:00Z', '2026-11-22T02:03:00Z'),
       ('us-east-1_Other', '0 3 * * *', 'UTC', '2026-11-22T03:00:00Z', '2026-11-22T03:03:00Z')`,
      [POOL],
    );
    await db.query(
      `INSERT INTO mirror.requests (pool_id, source)
       VALUES ($1, 'schedule'), ('us-east-1_Other', 'trigger')`,
      [POOL],
    );
    await db.query(
      `INSERT INTO mirror.workers (id, host, pid, version) VALUES ('w', 'h', 1, '0.1.0')`,
    );
    const all = await readStatus(db, null);
    expect(all.schedules).toHaveLength(2);
    expect(all.requests).toHaveLength(2);
    const one = await readStatus(db, [POOL]);
    expect(one.schedules.map(({ poolId }) => poolId)).toEqual([POOL]);
    expect(one.requests.map(({ poolId }) => poolId)).toEqual([POOL]);
    expect(one.workers).toHaveLength(1);
  });

  it('include every open request and the five that ended last', async () => {
    await db.query(
      `INSERT INTO mirror.requests (pool_id, source, ended_at, outcome, reason)
       SELECT $1, 'schedule', timestamptz '2026-11-01Z' + n * interval '1 day', 'failed', 'no ' || n
       FROM generate_series(1, 7) AS n`,
      [POOL],
    );
    await db.query(
      `INSERT INTO mirror.requests (pool_id, source, snapshot_at) VALUES ($1, 'trigger', $2)`,
      [POOL, lease.snapshotAt],
    );
    const { requests, snapshots } = await readStatus(db, null);
    expect(requests.map(({ reason }) => reason)).toEqual([
      null,
      ...[7, 6, 5, 4, 3].map((n) => `no ${n}`),
    ]);
    expect(requests[0]).toMatchObject({
      snapshot: snapshots[0]?.snapshot,
      endedAt: null,
      outcome: null,
    });
  });

  it('list first a worker that was not seen for thirty seconds, as lost', async () => {
    await db.query(
      `INSERT INTO mirror.workers (id, host, pid, version, seen_at, problem) VALUES
       ('a', 'one', 1, '0.1.0', clock_timestamp() - interval '20 seconds', NULL),
       ('b', 'two', 2, '0.1.0', clock_timestamp() - interval '31 seconds', NULL),
       ('c', 'three', 3, '0.1.0', clock_timestamp(), 'Redis does not answer.')`,
    );
    const { workers } = await readStatus(db, null);
    expect(workers.map(({ id, alive }) => [id, alive])).toEqual([
      ['b', false],
      ['c', true],
      ['a', true],
    ]);
  });
});
