import type pg from 'pg';
import { expect, it } from 'vitest';
import {
  endRequest,
  findOpenRequest,
  findOpenRequestForPool,
  listOpenRequests,
  openRequest,
  recordSnapshot,
  recordWaiting,
  type SnapshotRequest,
  skipRequest,
} from '../../src/postgres/coordination/requests.ts';
import { databaseForEach } from '../support/postgres.ts';
import { POOL } from './fixtures.ts';

const OTHER = 'eu-west-1_Fixture02';

let db: pg.Pool;
databaseForEach(12, (made) => {
  db = made.db;
});

const ask = async (poolId = POOL) => (await openRequest(db, poolId, 'trigger')) as SnapshotRequest;

async function rowOf({ id }: SnapshotRequest): Promise<Record<string, unknown> | undefined> {
  return (await db.query('SELECT * FROM mirror.requests WHERE id = $1', [id])).rows[0];
}

it('a pool has one open request, however many ask at once; other pools have their own', async () => {
  const asked = await Promise.all(
    Array.from({ length: 10 }, () => openRequest(db, POOL, 'trigger')),
  );
  const [first, ...more] = asked.filter((request) => request !== null);
  expect(more).toEqual([]);
  expect(await findOpenRequestForPool(db, POOL)).toEqual(first);
  const other = await ask(OTHER);
  expect(await listOpenRequests(db)).toEqual([first, other]);
});

it('the next request can be made after one has ended, which keeps its outcome', async () => {
  const first = await ask();
  await endRequest(db, first.id, 'failed', 'Access was denied.');
  expect(await findOpenRequest(db, first.id)).toBeNull();
  expect(await findOpenRequestForPool(db, POOL)).toBeNull();
  await endRequest(db, first.id, 'done', null);
  expect(await rowOf(first)).toMatchObject({ outcome: 'failed', reason: 'Access was denied.' });
  const second = await ask();
  expect(await findOpenRequestForPool(db, POOL)).toEqual(second);
});

it('an open request shows what it waits for, and an ended one no longer', async () => {
  const request = await ask();
  await recordWaiting(db, request.id, 'A `sync` of this pool is running.');
  expect(await rowOf(request)).toMatchObject({
    waiting_reason: 'A `sync` of this pool is running.',
  });
  await endRequest(db, request.id, 'done', null);
  await recordWaiting(db, request.id, 'Too late.');
  expect(await rowOf(request)).toMatchObject({ waiting_reason: null });
});

it('a request knows its snapshot', async () => {
  const request = await ask();
  const snapshotAt = new Date('2026-11-21T02:00:00Z');
  await recordSnapshot(db, request.id, snapshotAt);
  expect(await findOpenRequest(db, request.id)).toEqual({ ...request, snapshotAt });
});

it('requests that ended over 90 days ago are forgotten, open ones never', async () => {
  const [old, recent, open] = [await ask('a'), await ask('b'), await ask('c')];
  for (const each of [old, recent]) await endRequest(db, each.id, 'done', null);
  const age = (request: SnapshotRequest, days: number) =>
    db.query(
      `UPDATE mirror.requests SET requested_at = requested_at - make_interval(days => $2),
         ended_at = ended_at - make_interval(days => $2) WHERE id = $1`,
      [request.id, days],
    );
  await Promise.all([age(old, 91), age(recent, 89), age(open, 200)]);
  await endRequest(db, (await ask('d')).id, 'done', null);
  expect(await rowOf(old)).toBeUndefined();
  expect(await rowOf(recent)).toBeDefined();
  expect(await rowOf(open)).toMatchObject({ outcome: null });
});

it('a run is skipped only if a snapshot is in progress', async () => {
  expect(await skipRequest(db, POOL)).toBe(false);
  const request = await ask();
  expect(await skipRequest(db, POOL)).toBe(true);
  expect(await findOpenRequestForPool(db, POOL)).toEqual(request);
});
