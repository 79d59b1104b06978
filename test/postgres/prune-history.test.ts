import type pg from 'pg';
import { expect, it } from 'vitest';
import type { User } from '../../src/model/directory.ts';
import type { SnapshotLease } from '../../src/postgres/store/leases.ts';
import { mergeReads } from '../../src/postgres/store/merge-reads.ts';
import { pruneHistory } from '../../src/postgres/store/prune-history.ts';
import { publish } from '../../src/postgres/store/publish.ts';
import { moveToPast } from '../support/past.ts';
import { databaseForEach } from '../support/postgres.ts';
import { begin, group, POOL, stage, user } from './fixtures.ts';

let db: pg.Pool;
const never = new AbortController().signal;
databaseForEach(4, (made) => {
  db = made.db;
});

async function take(...names: string[]): Promise<SnapshotLease> {
  const lease = await begin(db);
  await stage(db, lease, { users: names.map((name) => user(name)) });
  await mergeReads(db, lease, never);
  await publish(db, lease, 'walking');
  return lease;
}

const passDays = (days: number) => moveToPast(db, `${days} days`);
const archived = () => db.query(`UPDATE directory.snapshots SET state = 'archived'`);
const usersAt = async (days: number) => {
  const found = await db.query(
    `SELECT username FROM directory.users_at('${POOL}', now() - make_interval(days => ${days})) ORDER BY 1`,
  );
  return found.rows.map((row) => row.username);
};

it('drops what ended before the days kept, and refuses a time before them', async () => {
  await take('ann', 'bob');
  await passDays(30);
  await take('bob', 'cem');
  await passDays(10);
  await take('cem', 'dan');
  await archived();
  await pruneHistory(db, POOL, 5, never);
  const history = await db.query('SELECT username FROM directory.user_history');
  expect(history.rows).toEqual([{ username: 'bob' }]);
  expect(await usersAt(3)).toEqual(['bob', 'cem']);
  await expect(usersAt(7)).rejects.toThrow(/reaches back to .*: older versions were deleted/);
  const changes = await db.query(
    `SELECT key ->> 'username' AS name, kind FROM directory.changes ORDER BY 1`,
  );
  // Not those of the snapshot before the floor, whose other side is gone.
  expect(changes.rows).toEqual([
    { name: 'bob', kind: 'removed' },
    { name: 'dan', kind: 'added' },
  ]);
});

it('leaves views that begin where the history does', async () => {
  const [ann, bob, cem] = ['ann', 'bob', 'cem'].map((name) => user(name));
  for (const members of [[ann, bob], [bob], [bob, cem]] as User[][]) {
    const lease = await begin(db);
    await stage(db, lease, {
      users: members,
      groups: [group('admins')],
      members: { admins: members },
    });
    await mergeReads(db, lease, never);
    await publish(db, lease, 'walking');
    await passDays(10);
  }
  await archived();
  await pruneHistory(db, POOL, 15, never);
  const sizes = await db.query(
    `SELECT members::int, valid_from = f.retained_from AS "isStart", valid_to IS NULL AS "isNow"
     FROM directory.group_sizes JOIN mirror.history_floors AS f USING (pool_id) ORDER BY valid_from`,
  );
  expect(sizes.rows).toEqual([
    { members: 1, isStart: true, isNow: false },
    { members: 2, isStart: false, isNow: true },
  ]);
  const days = await db.query(
    'SELECT sign_ups::int, removals::int, status_changes::int FROM directory.changes_by_day',
  );
  expect(days.rows).toEqual([{ sign_ups: 1, removals: 0, status_changes: 0 }]);
});

it('keeps what a snapshot that is still to be archived needs', async () => {
  await take('ann');
  await passDays(30);
  await take('bob');
  await pruneHistory(db, POOL, 1, never);
  expect(await usersAt(10)).toEqual(['ann']);
});

it('keeps the newest archived state, however old', async () => {
  await take('ann', 'bob');
  await passDays(30);
  await take('bob');
  await archived();
  await passDays(60);
  await pruneHistory(db, POOL, 1, never);
  expect(await usersAt(50)).toEqual(['bob']);
  await expect(usersAt(70)).rejects.toThrow('older versions were deleted');
});
