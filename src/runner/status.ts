import type pg from 'pg';
import { type KindProgress, stageProgress } from '../postgres/stage/progress.ts';
import { openRuns } from '../postgres/state/open-runs.ts';
import { recentSnapshots, type SnapshotRow } from '../postgres/state/snapshots.ts';

/** How far a snapshot is that is being taken. */
export interface WalkingStatus {
  readonly walks: readonly KindProgress[];
  /** Items read a second, on average since it began. */
  readonly rate: number;
  /** When its walks should end at that rate; null where it is not known. */
  readonly estimatedEnd: Date | null;
}

/** A snapshot, and how far it is where it is being taken. */
export interface SnapshotStatus extends SnapshotRow {
  readonly walking: WalkingStatus | null;
}

/** How many snapshots of each pool are told of. */
const RECENT = 5;

/** Where the newest snapshots of each pool stand, newest first. */
export async function readStatus(
  db: pg.Pool,
  poolIds: readonly string[] | null,
): Promise<SnapshotStatus[]> {
  const open = new Map((await openRuns(db)).map((run) => [`${run.poolId}/${run.snapshot}`, run]));
  const snapshots = await recentSnapshots(db, RECENT, poolIds);
  return Promise.all(
    snapshots.map(async (snapshot) => {
      const run = open.get(`${snapshot.poolId}/${snapshot.snapshot}`);
      if (!run || snapshot.state !== 'walking') return { ...snapshot, walking: null };
      return { ...snapshot, walking: estimate(await stageProgress(db, run.stage), run.age) };
    }),
  );
}

function estimate(walks: readonly KindProgress[], age: number): WalkingStatus {
  const items = walks.reduce((sum, kind) => sum + kind.items, 0);
  const left = walks.reduce((sum, kind) => sum + (kind.expected ?? kind.items) - kind.items, 0);
  const rate = items / Math.max(age, 1);
  const known = rate > 0 && walks.every((kind) => kind.expected !== null);
  return {
    walks,
    rate,
    estimatedEnd: known ? new Date(Date.now() + (left / rate) * 1000) : null,
  };
}
