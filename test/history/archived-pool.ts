import { pathToFileURL } from 'node:url';
import type pg from 'pg';
import type { Destination } from '../../src/archive/destination.ts';
import { openDestination } from '../../src/archive/open-destination.ts';
import { type ArchiveOptions, writeArchive } from '../../src/archive/write-archive.ts';
import type { SnapshotRows } from '../../src/archive/write-parts.ts';
import { countSettings } from '../../src/postgres/store/setting-rows.ts';
import { openSnapshotChanges } from '../../src/postgres/store/snapshot-changes.ts';
import { openSnapshotRows } from '../../src/postgres/store/snapshot-rows.ts';
import { optionsWith } from '../archive/support.ts';
import { type State, type Taken, take } from './drawn-pool.ts';

/** Archives a snapshot that was taken. Parts are small, so that a dataset has several. */
export async function archive(
  db: pg.Pool,
  destination: Destination,
  poolId: string,
  { at, users, groups, members }: Taken,
  more: Partial<ArchiveOptions> = {},
): Promise<void> {
  const memberships = Object.values(members).reduce((sum, each) => sum + each.length, 0);
  const key = { poolId, snapshotAt: at };
  const settings = await countSettings(db, key);
  const request = {
    poolId,
    snapshotAt: at,
    walkedAt: at,
    publishedAt: at,
    counts: { users: users.length, groups: groups.length, memberships, settings },
    previous: null,
  };
  const rows: SnapshotRows = {
    open: (dataset) => openSnapshotRows(db, key, dataset),
    openChanges: (since) => openSnapshotChanges(db, key, since),
  };
  await writeArchive(destination, request, rows, optionsWith({ partRows: 2, ...more }));
}

/** Takes and archives one snapshot after the other. */
export async function archiveAll(
  db: pg.Pool,
  destination: Destination,
  poolId: string,
  states: readonly State[],
  more: Partial<ArchiveOptions> = {},
): Promise<Taken[]> {
  const taken: Taken[] = [];
  for (const state of states) {
    const each = await take(db, poolId, state);
    await archive(db, destination, poolId, each, more);
    taken.push(each);
  }
  return taken;
}

export function openFolder(folder: string): Promise<Destination> {
  return openDestination(pathToFileURL(folder).href);
}
