import { expect, it } from 'vitest';
import { openPool } from '../../src/postgres/connection.ts';
import { mergeReads } from '../../src/postgres/store/merge-reads.ts';
import { publish } from '../../src/snapshot/publish.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { SnapshotProgress } from '../../src/telemetry/snapshot-progress.ts';
import { begin, POOL, stage, user } from '../postgres/fixtures.ts';
import { createTestDatabase } from '../support/postgres.ts';

const never = new AbortController().signal;

it('updates the statistics of Postgres after a first snapshot', async () => {
  const database = await createTestDatabase();
  const db = openPool(database.url, 4);
  try {
    const lease = await begin(db);
    const users = Array.from({ length: 300 }, (_, i) => user(`user-${i}`));
    await stage(db, lease, { users });
    await mergeReads(db, lease, never);
    const log = createLogger({ level: 'silent' });
    await publish({ db, lease, progress: new SnapshotProgress(POOL), log }, 'walking', null, never);
    const { rows } = await db.query(
      `SELECT relname, reltuples FROM pg_class
       WHERE oid IN ('directory.users'::regclass, 'directory.memberships'::regclass) ORDER BY relname`,
    );
    expect(rows).toEqual([
      { relname: 'memberships', reltuples: 0 },
      { relname: 'users', reltuples: 300 },
    ]);
  } finally {
    await db.end();
    await database.drop();
  }
});
