import type pg from 'pg';
import { expect, test } from 'vitest';
import { readRequestRows } from '../../src/postgres/coordination/worker-status.ts';
import { readPoolRows } from '../../src/postgres/store/pool-status.ts';
import { listRecentSnapshots } from '../../src/postgres/store/snapshots.ts';
import { databaseForEach } from '../support/postgres.ts';

let db: pg.Pool;
databaseForEach(2, (opened) => {
  db = opened.db;
});

const pool = (n: number) => `us-east-1_${n}`;

/** Three pools with twelve archived snapshots each, the last two at another destination, and their requests. */
async function addNights(): Promise<void> {
  await db.query(
    `WITH began AS (
       INSERT INTO directory.snapshots (pool_id, snapshot, snapshot_at, published_at, state, manifest_sha256)
       SELECT 'us-east-1_' || p, 'night ' || n, at, at, 'archived', 'sha of ' || n
       FROM generate_series(1, 3) AS p, generate_series(1, 12) AS n,
         LATERAL (SELECT '2026-11-01T00:00:00Z'::timestamptz + make_interval(days => n) AS at) AS times
       RETURNING pool_id, snapshot_at
     ), numbered AS (
       SELECT *, row_number() OVER (PARTITION BY pool_id ORDER BY snapshot_at) AS n FROM began
     ), runs AS (
       INSERT INTO mirror.runs (pool_id, snapshot_at, destination, archives)
       SELECT pool_id, snapshot_at, CASE WHEN n > 10 THEN 'new' ELSE 'old' END,
         CASE WHEN n > 10 THEN n - 10 ELSE n END
       FROM numbered
     )
     INSERT INTO mirror.requests (pool_id, source, snapshot_at, ended_at, outcome)
     SELECT pool_id, 'schedule', snapshot_at, CASE WHEN n < 12 THEN snapshot_at END,
       CASE WHEN n < 12 THEN 'done' END
     FROM numbered`,
  );
}

test('the newest snapshots and requests of each pool are listed, the newest first', async () => {
  await addNights();
  const snapshots = await listRecentSnapshots(db, 2, null);
  expect(snapshots.map(({ poolId, snapshot }) => [poolId, snapshot])).toEqual(
    [1, 2, 3].flatMap((n) => [
      [pool(n), 'night 12'],
      [pool(n), 'night 11'],
    ]),
  );
  const nights = (of: readonly { readonly poolId: string; readonly snapshotAt: Date | null }[]) =>
    of.map(({ poolId, snapshotAt }) => [poolId, (snapshotAt?.getUTCDate() ?? 0) - 1]);
  const requests = await readRequestRows(db, 2, null);
  expect(nights(requests)).toEqual(
    [1, 2, 3].flatMap((n) => [12, 11, 10].map((night) => [pool(n), night])),
  );
  const some = [pool(2), 'us-east-1_Unknown'];
  expect(nights(await listRecentSnapshots(db, 1, some))).toEqual([[pool(2), 12]]);
  expect(nights(await readRequestRows(db, 1, some))).toEqual([
    [pool(2), 12],
    [pool(2), 11],
  ]);
});

test('each pool is listed once, with the head of its newest archive', async () => {
  expect(await readPoolRows(db, null)).toEqual([]);
  await addNights();
  await db.query(`INSERT INTO mirror.attempts (pool_id, outcome) VALUES ('us-east-1_0', 'failed')`);
  const rows = await readPoolRows(db, null);
  expect(rows.map(({ poolId, head }) => [poolId, head])).toEqual([
    ['us-east-1_0', null],
    ...[1, 2, 3].map((n) => [pool(n), { snapshots: 2, snapshot: 'night 12', sha256: 'sha of 12' }]),
  ]);
});

test('a pool is vanished if a later listing of its account and Region lacks it', async () => {
  await db.query(
    `INSERT INTO directory.pools (pool_id, arn, account_id, region, estimated_users, custom_attributes, seen_at)
     SELECT pool_id, 'arn', account, region, 0, '{}', now()
     FROM (VALUES ('a', '1', 'x'), ('b', '1', 'x'), ('c', '2', 'x'), ('d', '1', 'y'), ('e', '1', 'x'))
       AS pools (pool_id, account, region)`,
  );
  await db.query(
    `INSERT INTO mirror.pools (pool_id, listed_at)
     VALUES ('a', '2026-11-02'), ('b', '2026-11-01'), ('c', '2026-11-01'), ('d', '2026-11-01'), ('e', NULL)`,
  );
  const rows = await readPoolRows(db, null);
  expect(rows.filter(({ vanished }) => vanished).map(({ poolId }) => poolId)).toEqual(['b']);
});
