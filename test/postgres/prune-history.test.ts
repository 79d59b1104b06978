import type pg from 'pg';
import { expect, it } from 'vitest';
import type { SnapshotLease } from '../../src/postgres/store/leases.ts';
import { mergeReads } from '../../src/postgres/store/merge-reads.ts';
import { pruneHistory } from '../../src/postgres/store/prune-history.ts';
import { publish } from '../../src/postgres/store/publish.ts';
import { moveToPast } from '../support/past.ts';
import { databaseForEach } from '../support/postgres.ts';
import { begin, POOL, stage, user } from './fixtures.ts';

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

it('keeps what a snapshot that is still to be archived needs', async () => {
  await take('ann');
  await passDays(30);
  await take('bob');
  await pruneHistory(db, POOL, 1, never);
  expect(await usersAt(10)).toEqual(['ann']);
});
