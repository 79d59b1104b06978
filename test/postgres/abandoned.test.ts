import type pg from 'pg';
import { beforeEach, expect, it } from 'vitest';
import type { SnapshotLease } from '../../src/postgres/store/leases.ts';
import { isAbandoned } from '../../src/postgres/store/snapshots.ts';
import { stageTables } from '../../src/postgres/store/stage.ts';
import { databaseForEach } from '../support/postgres.ts';
import { begin, commitUsers, POOL, stage, startWalk, user } from './fixtures.ts';

let db: pg.Pool;
databaseForEach(4, (made) => {
  db = made.db;
});
let lease: SnapshotLease;

beforeEach(async () => {
  lease = await begin(db);
});

/** Makes the snapshot this old, and its pages read this long ago. */
async function age(hours: number, readMinutesAgo: number): Promise<boolean> {
  const moved = await db.query<{ snapshotAt: Date }>(
    `WITH runs AS (
       UPDATE mirror.runs SET snapshot_at = snapshot_at - make_interval(hours => $1)
     )
     UPDATE directory.snapshots SET snapshot_at = snapshot_at - make_interval(hours => $1)
     RETURNING snapshot_at AS "snapshotAt"`,
    [hours],
  );
  await db.query(
    `UPDATE ${stageTables(lease.stage).walks} SET token_at = token_at - make_interval(mins => $1)`,
    [readMinutesAgo],
  );
  return isAbandoned(db, POOL, moved.rows[0]?.snapshotAt as Date);
}

async function readSomePages(): Promise<void> {
  const done = await startWalk(db, lease, {});
  await commitUsers(db, lease, done, [user('ann')]);
  const open = await startWalk(db, lease, {});
  await commitUsers(db, lease, open, [user('bob')], 'next');
}

it.each([
  ['old, and unread for an hour, is', 25, 61, true],
  ['old, but read within the hour, is not', 25, 59, false],
  ['unread for hours, but not a day old, is not', 23, 600, false],
])('a snapshot that is %s abandoned', async (_, hours, minutes, expected) => {
  await readSomePages();
  expect(await age(hours, minutes)).toBe(expected);
});

it('one of which nothing was ever read is abandoned after a day', async () => {
  await startWalk(db, lease, {});
  expect(await age(25, 0)).toBe(true);
});

it('one whose checkpoints a crash of Postgres emptied is abandoned after a day', async () => {
  expect(await age(25, 0)).toBe(true);
});

it('one that has only to be checked and published is not, however old', async () => {
  await stage(db, lease, { users: [user('ann')], groups: [] });
  expect(await age(100, 6_000)).toBe(false);
});

it('neither one that is no longer walking nor a missing one is', async () => {
  await db.query(`UPDATE directory.snapshots SET state = 'held', reason = 'Fewer users.'`);
  expect(await age(25, 600)).toBe(false);
  expect(await isAbandoned(db, 'eu-west-1_Fixture02', lease.snapshotAt)).toBe(false);
});
