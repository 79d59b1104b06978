import type pg from 'pg';
import { snapshotId } from '../model/snapshot.ts';
import { listPoolsLockedInline } from '../postgres/coordination/locks.ts';
import type { RequestRow } from '../postgres/coordination/worker-status.ts';
import {
  listWalksInProgress,
  type RunPhase,
  type RunProgress,
  readProgressRows,
  readStageProgress,
} from '../postgres/store/progress.ts';
import { findStage, listRecentSnapshots, type SnapshotRow } from '../postgres/store/snapshots.ts';
import { READING_STATES } from '../postgres/store/states.ts';
import { computeAverage, type WalkingStatus } from './walking-status.ts';

/** A snapshot, and its progress if it is being taken. */
export interface SnapshotStatus extends SnapshotRow {
  /** What works on it now: one process or workers; null if nothing does. */
  readonly runner: 'inline' | 'workers' | null;
  /** The phase of the run; null without one. */
  readonly progress: Omit<RunProgress, 'poolId' | 'snapshotAt' | 'itemsBefore'> | null;
  /** The progress of its walks; null if the snapshot is not `walking` or `comparing`. */
  readonly walking: WalkingStatus | null;
}

/** How many snapshots of each pool are shown. */
const RECENT = 5;

/** How many walks of a snapshot are shown one by one. */
const MOST_WALKS = 50;

/**
 * Reads the newest snapshots of these pools, or of all pools if `poolIds` is null.
 *
 * @param at the time of the reading, on Postgres's clock.
 * @param taken the open requests, if a worker is alive to run them.
 */
export async function readSnapshots(
  db: pg.Pool,
  at: Date,
  poolIds: readonly string[] | null,
  taken: readonly RequestRow[],
): Promise<SnapshotStatus[]> {
  const runs = new Map((await readProgressRows(db)).map((run) => [formatNameAt(run), run]));
  const byWorkers = new Set(taken.map(formatNameAt));
  const snapshots = await listRecentSnapshots(db, RECENT, poolIds);
  const inline = await listPoolsLockedInline(db, [
    ...new Set(snapshots.map(({ poolId }) => poolId)),
  ]);
  const findRunner = (snapshot: SnapshotRow, phase: RunPhase) => {
    if (!PHASES_BY_STATE[snapshot.state]?.includes(phase)) return null;
    if (inline.has(snapshot.poolId)) return 'inline';
    return byWorkers.has(formatName(snapshot)) ? 'workers' : null;
  };
  return Promise.all(
    snapshots.map(async (snapshot): Promise<SnapshotStatus> => {
      const run = runs.get(formatName(snapshot)) ?? null;
      const runner = findRunner(snapshot, run?.phase ?? 'walk');
      const progress = runner && run && pickShown(run);
      const isRead = READING_STATES.some((state) => state === snapshot.state);
      const stage = isRead ? await findStage(db, snapshot) : null;
      if (stage === null) return { ...snapshot, runner, progress, walking: null };
      const reading = progress?.phase === 'walk' ? run : null;
      const walks = await readStageProgress(db, stage);
      const inProgress = await listWalksInProgress(db, stage, MOST_WALKS);
      const walking = computeAverage(at, reading, walks, inProgress);
      return { ...snapshot, runner, progress, walking };
    }),
  );
}

/** The phases that a run can be in while its snapshot is in a state. */
const PHASES_BY_STATE: Partial<Record<SnapshotRow['state'], readonly RunPhase[]>> = {
  walking: ['walk', 'check', 'mfa', 'publish'],
  comparing: ['walk', 'check'],
  held: ['publish'],
  published: ['publish', 'archive'],
};

function pickShown({
  phase,
  done,
  total,
  beganAt,
  notedAt,
}: RunProgress): SnapshotStatus['progress'] {
  return { phase, done, total, beganAt, notedAt };
}

/** A name that is unique among the snapshots of all pools. */
export function formatName({ poolId, snapshot }: { poolId: string; snapshot: string }): string {
  return `${poolId}/${snapshot}`;
}

function formatNameAt({ poolId, snapshotAt }: { poolId: string; snapshotAt: Date | null }): string {
  return formatName({ poolId, snapshot: snapshotAt === null ? '' : snapshotId(snapshotAt) });
}
