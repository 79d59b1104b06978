import type pg from 'pg';
import type { CheckRecord } from '../../model/report-source.ts';
import { findPool, type PoolHeader } from '../../postgres/dashboard/pool-snapshots.ts';
import {
  type ArchiveVerification,
  findNeighbours,
  findSnapshotByName,
  findVerification,
  findWalks,
  type Neighbours,
  type RunRecord,
} from '../../postgres/dashboard/snapshot.ts';
import { findCheck } from '../../postgres/store/snapshot-checks.ts';
import type { SnapshotWalks } from '../../postgres/store/snapshot-walks.ts';
import type { SnapshotRow } from '../../postgres/store/snapshots.ts';

/** What the page of a snapshot shows besides its changes. */
export interface SnapshotDetails {
  readonly pool: PoolHeader;
  readonly row: SnapshotRow;
  readonly run: RunRecord | null;
  readonly check: CheckRecord | null;
  readonly walks: SnapshotWalks | null;
  readonly neighbours: Neighbours;
  /** What workers found in its archive; null if they never verified it, or it has none. */
  readonly verification: ArchiveVerification | null;
}

/** Reads a snapshot by its id; null if the pool has no such snapshot. */
export async function readSnapshot(
  db: pg.Pool,
  poolId: string,
  snapshot: string,
): Promise<SnapshotDetails | null> {
  const [pool, found] = await Promise.all([
    findPool(db, poolId),
    findSnapshotByName(db, poolId, snapshot),
  ]);
  if (pool === null || found === null) return null;
  const { row, run } = found;
  const destination = run?.destination ?? null;
  const [check, walks, neighbours, verification] = await Promise.all([
    findCheck(db, poolId, row.snapshotAt),
    findWalks(db, row, run),
    findNeighbours(db, row),
    destination === null ? null : findVerification(db, row, destination),
  ]);
  return { pool, row, run, check, walks, neighbours, verification };
}
