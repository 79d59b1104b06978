import type pg from 'pg';
import { expect, it } from 'vitest';
import { openMetricsQuery } from '../../src/postgres/coordination/metrics.ts';
import { mergeReads } from '../../src/postgres/store/merge-reads.ts';
import { publish } from '../../src/postgres/store/publish.ts';
import { beginSnapshot } from '../../src/postgres/store/transitions.ts';
import { databaseForEach } from '../support/postgres.ts';
import { POOL, stage, user } from './fixtures.ts';

let db: pg.Pool;
databaseForEach(4, (made) => {
  db = made.db;
});

async function take(...names: string[]): Promise<{ at: Date; secondsAhead: number }> {
  const { lease, secondsAhead } = await beginSnapshot(db, POOL);
  await stage(db, lease, { users: names.map((name) => user(name)) });
  await mergeReads(db, lease, new AbortController().signal);
  await publish(db, lease, 'walking');
  return { at: lease.snapshotAt, secondsAhead };
}

/** As if the clock had been 500 days ahead while the newest snapshot was taken. */
async function hadBeenAhead(): Promise<void> {
  await db.query(`
    WITH newest AS (SELECT max(snapshot_at) AS at FROM directory.snapshots),
    runs AS (UPDATE mirror.runs SET snapshot_at = snapshot_at + interval '500 days'
      FROM newest WHERE snapshot_at = at),
    statuses AS (UPDATE mirror.status_counts SET snapshot_at = snapshot_at + interval '500 days'
      FROM newest WHERE snapshot_at = at),
    users AS (UPDATE directory.users SET valid_from = valid_from + interval '500 days'
      FROM newest WHERE valid_from = at)
    UPDATE directory.snapshots SET snapshot_at = snapshot_at + interval '500 days',
      published_at = published_at + interval '500 days', snapshot = 'ahead'
    FROM newest WHERE snapshot_at = at`);
}

const usersAt = async (at: string) =>
  (await db.query(`SELECT username FROM directory.users_at('${POOL}', ${at}) ORDER BY 1`)).rows.map(
    ({ username }) => username,
  );
const literal = (at: Date) => `'${at.toISOString()}'::timestamptz`;

it('that was ahead once is noticed by later snapshots, and no moment is answered with an older state', async () => {
  const first = await take('ann');
  await take('ann', 'bob');
  await hadBeenAhead();
  await expect(usersAt('clock_timestamp()')).rejects.toThrow(/the clock of Postgres was ahead/);
  const third = await take('ann', 'bob', 'cem');
  expect(first.secondsAhead).toBeLessThan(60);
  expect(third.secondsAhead).toBeGreaterThan(499 * 86_400);
  await expect(usersAt('clock_timestamp()')).rejects.toThrow(/the clock of Postgres was ahead/);
  // What names a snapshot, and what lies before the trouble, is answered.
  expect(await usersAt(literal(first.at))).toEqual(['ann']);
  expect(await usersAt(literal(third.at))).toEqual(['ann', 'bob', 'cem']);
});

it('that was ahead once does not make a stale mirror look fresh in metrics', async () => {
  await db.query(
    `INSERT INTO directory.pools (pool_id, arn, account_id, region, estimated_users,
       custom_attributes, seen_at) VALUES ($1, '', '', '', 0, '{}', now())`,
    [POOL],
  );
  await take('ann');
  await hadBeenAhead();
  await take('ann');
  await db.query(
    `UPDATE directory.snapshots SET published_at = published_at - interval '30 hours'
     WHERE snapshot <> 'ahead'`,
  );
  const found = await openMetricsQuery(db, (error) => {
    throw error;
  })();
  expect(found?.pools[0]?.publishedAge).toBeGreaterThan(29 * 3600);
});

it('of snapshots in quick succession causes no problem', async () => {
  const taken = [await take('ann'), await take('bob'), await take('cem')];
  expect(await usersAt(literal(taken[1]?.at as Date))).toEqual(['bob']);
  expect(Math.max(...taken.map(({ secondsAhead }) => secondsAhead))).toBeLessThan(60);
});
