import { expect } from 'vitest';
import { openPool } from '../../src/postgres/connection.ts';
import { type Archived, checkArchive, objectsBelow } from './check-archive.ts';
import { expectMirrored } from './directory.ts';
import type { Fleet } from './fleet.ts';

/**
 * Expects the workers to have ended well: every request is done, and of each came one snapshot that
 * is archived; the newest has the pool's rows; the archive proves all of them, and holds no more.
 *
 * @param requests how many were asked for so far.
 */
export async function expectSnapshots(fleet: Fleet, requests: number): Promise<void> {
  expect(await fleet.rows('SELECT outcome, reason FROM mirror.requests')).toEqual(
    Array.from({ length: requests }, () => ({ outcome: 'done', reason: null })),
  );
  const snapshots = await fleet.rows<Archived & { state: string; reason: string | null }>(
    `SELECT *, users::int, groups::int, memberships::int
     FROM directory.snapshots ORDER BY snapshot_at`,
  );
  expect(snapshots.map(({ state, reason }) => ({ state, reason }))).toEqual(
    Array.from({ length: requests }, () => ({ state: 'archived', reason: null })),
  );
  const db = openPool(fleet.databaseUrl, 2);
  await expectMirrored(db, fleet.pool).finally(() => db.end());
  expect(checkArchive(snapshots, await objectsBelow(fleet.archive))).toEqual([]);
}
