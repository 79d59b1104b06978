import type pg from 'pg';
import { snapshotId } from '../model/snapshot.ts';
import {
  type RunPhase,
  type RunProgress,
  readProgressRows,
  stageProgress,
  walksInProgress,
} from '../postgres/store/progress.ts';
import { listRecentSnapshots, type SnapshotRow } from '../postgres/store/snapshots.ts';
import { listPoolsLockedInline } from '../postgres/work/locks.ts';
import { listOpenSnapshots, type RequestRow } from '../postgres/work/worker-status.ts';
import { averageStatus, type WalkingStatus } from './walking-status.ts';

/** A snapshot, and how far it is where it is being taken. */
export interface SnapshotStatus extends SnapshotRow {
  /** What works on it now: one process, or workers; null where nothing does. */
  readonly runner: 'inline' | 'workers' | null;
  /** How far the runner is; null without one. */
  readonly progress: Omit<RunProgress, 'poolId' | 'snapshotAt' | 'itemsBefore'> | null;
  /** How far its walks are; null where the snapshot is not `walking`. */
  readonly walking: WalkingStatus | null;
}

/** How many snapshots of each pool are shown. */
const RECENT = 5;

/** How many walks of a snapshot are shown one by one. */
const MOST_WALKS = 50;

/**
 * The newest snapshots of these pools, of all where `poolIds` is null.
 *
 * @param at the time of the reading, by Postgres's clock.
 * @param taken the open requests that workers which are alive work on.
 */
export async function readSnapshots(
  db: pg.Pool,
  at: Date,
  poolIds: readonly string[] | null,
  taken: readonly RequestRow[],
): Promise<SnapshotStatus[]> {
  const stages = new Map((await listOpenSnapshots(db)).map((run) => [nameOf(run), run.stage]));
  const runs = new Map((await readProgressRows(db)).map((run) => [nameAt(run), run]));
  const byWorkers = new Set(taken.map(nameAt));
  const snapshots = await listRecentSnapshots(db, RECENT, poolIds);
  const inline = await listPoolsLockedInline(db, [
    ...new Set(snapshots.map(({ poolId }) => poolId)),
  ]);
  const runnerOf = (snapshot: SnapshotRow, phase: RunPhase) => {
    if (!PHASES_OF[snapshot.state]?.includes(phase)) return null;
    if (inline.has(snapshot.poolId)) return 'inline';
    return byWorkers.has(nameOf(snapshot)) ? 'workers' : null;
  };
  return Promise.all(
    snapshots.map(async (snapshot): Promise<SnapshotStatus> => {
      const run = runs.get(nameOf(snapshot)) ?? null;
      const runner = runnerOf(snapshot, run?.phase ?? 'walk');
      const progress = runner && run && shown(run);
      const stage = stages.get(nameOf(snapshot));
      if (stage === undefined || snapshot.state !== 'walking') {
        return { ...snapshot, runner, progress, walking: null };
      }
      const reading = progress?.phase === 'walk' ? run : null;
      const walks = await stageProgress(db, stage);
      const inProgress = await walksInProgress(db, stage, MOST_WALKS);
      const walking = averageStatus(at, reading, walks, inProgress);
      return { ...snapshot, runner, progress, walking };
    }),
  );
}

/** The steps at which a run can be while its snapshot is in a state. */
const PHASES_OF: Partial<Record<SnapshotRow['state'], readonly RunPhase[]>> = {
  walking: ['walk', 'check', 'publish'],
  held: ['publish'],
  published: ['publish', 'archive'],
};

function shown({ phase, done, total, beganAt, notedAt }: RunProgress): SnapshotStatus['progress'] {
  return { phase, done, total, beganAt, notedAt };
}

/** Names a snapshot among those of all pools. */
export function nameOf({ poolId, snapshot }: { poolId: string; snapshot: string }): string {
  return `${poolId}/${snapshot}`;
}

function nameAt({ poolId, snapshotAt }: { poolId: string; snapshotAt: Date | null }): string {
  return nameOf({ poolId, snapshot: snapshotAt === null ? '' : snapshotId(snapshotAt) });
}
