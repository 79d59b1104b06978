import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { openPool } from '../../src/postgres/connection.ts';
import { filesBelow } from './cli-mirror.ts';
import { expectMirrored } from './directory.ts';
import type { Fleet } from './fleet.ts';

type Row = Record<string, unknown>;

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
  const snapshots = await fleet.rows<Row>(
    `SELECT *, users::int, groups::int, memberships::int
     FROM directory.snapshots ORDER BY snapshot_at`,
  );
  expect(snapshots.map(({ state, reason }) => ({ state, reason }))).toEqual(
    Array.from({ length: requests }, () => ({ state: 'archived', reason: null })),
  );
  const db = openPool(fleet.databaseUrl, 2);
  await expectMirrored(db, fleet.pool).finally(() => db.end());
  await expectArchive(fleet, snapshots);
}

/** Expects the folder to hold a chain of manifests, and of other files those that they prove. */
async function expectArchive({ archive, poolId }: Fleet, snapshots: readonly Row[]): Promise<void> {
  const named: string[] = [];
  let previous: Row | null = null;
  for (const row of snapshots) {
    const key = `manifests/pool_id=${poolId}/${String(row['snapshot'])}.json`;
    const bytes = await readFile(join(archive, key));
    const manifest = JSON.parse(bytes.toString());
    expect(manifest).toMatchObject({ poolId, snapshot: row['snapshot'], previous });
    for (const object of manifest.objects) {
      const part = await readFile(join(archive, object.key));
      expect({ bytes: part.length, sha256: sha256(part), rows: object.rows }).toEqual({
        bytes: object.bytes,
        sha256: object.sha256,
        rows: row[object.dataset],
      });
      named.push(object.key);
    }
    named.push(key);
    previous = { snapshot: row['snapshot'], sha256: sha256(bytes) };
    expect(row).toMatchObject({ manifest: key, manifest_sha256: previous['sha256'] });
  }
  expect(await filesBelow(archive)).toEqual(named.sort());
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
