import type pg from 'pg';
import { snapshotId } from '../model/snapshot.ts';
import { stageProgress, walksInProgress } from '../postgres/stage/progress.ts';
import { openRuns } from '../postgres/state/open-runs.ts';
import { recentSnapshots, type SnapshotRow } from '../postgres/state/snapshots.ts';
import {
  type RequestRow,
  readClock,
  requestRows,
  type ScheduleRow,
  scheduleRows,
  type WorkerRow,
  workerRows,
} from '../postgres/state/worker-status.ts';
import { averageStatus, measuredStatus, type WalkingStatus } from './walking-status.ts';

/** A snapshot, and how far it is where it is being taken. */
export interface SnapshotStatus extends SnapshotRow {
  readonly walking: WalkingStatus | null;
}

/** A snapshot that the workers were asked for, with the id of the one that came of it. */
export interface RequestStatus extends Omit<RequestRow, 'snapshotAt'> {
  readonly snapshot: string | null;
}

/** Where everything stands. */
export interface Status {
  /** When it was read, by Postgres's clock. */
  readonly at: Date;
  readonly snapshots: readonly SnapshotStatus[];
  readonly schedules: readonly ScheduleRow[];
  readonly workers: readonly WorkerRow[];
  readonly requests: readonly RequestStatus[];
}

/** How many snapshots, and how many ended requests, of each pool are told of. */
const RECENT = 5;

/** How many walks of a snapshot are told of one by one. */
const MOST_WALKS = 50;

/**
 * Where the snapshots, schedules and requests of these pools stand, of all where `poolIds` is null,
 * and the workers. Snapshots and requests come by pool, the newest first. It reads Postgres alone.
 */
export async function readStatus(db: pg.Pool, poolIds: readonly string[] | null): Promise<Status> {
  const at = await readClock(db);
  const [schedules, workers, requests, snapshots] = await Promise.all([
    scheduleRows(db, poolIds),
    workerRows(db),
    requestRows(db, RECENT, poolIds),
    readSnapshots(db, at, poolIds),
  ]);
  return { at, snapshots, schedules, workers, requests: requests.map(requestStatus) };
}

/** The status with rates since an earlier one, which tell more than averages. */
export function measureRates(status: Status, earlier: Status): Status {
  const before = new Map(earlier.snapshots.map((snapshot) => [nameOf(snapshot), snapshot.walking]));
  const snapshots = status.snapshots.map((snapshot) => {
    const walking = before.get(nameOf(snapshot));
    if (!walking || !snapshot.walking) return snapshot;
    const measured = measuredStatus(status.at, snapshot.walking, {
      at: earlier.at,
      status: walking,
    });
    return { ...snapshot, walking: measured };
  });
  return { ...status, snapshots };
}

async function readSnapshots(
  db: pg.Pool,
  at: Date,
  poolIds: readonly string[] | null,
): Promise<SnapshotStatus[]> {
  const open = new Map((await openRuns(db)).map((run) => [nameOf(run), run]));
  const snapshots = await recentSnapshots(db, RECENT, poolIds);
  return Promise.all(
    snapshots.map(async (snapshot) => {
      const run = open.get(nameOf(snapshot));
      if (!run || snapshot.state !== 'walking') return { ...snapshot, walking: null };
      const walks = await stageProgress(db, run.stage);
      const inProgress = await walksInProgress(db, run.stage, MOST_WALKS);
      return { ...snapshot, walking: averageStatus(at, snapshot.snapshotAt, walks, inProgress) };
    }),
  );
}

function requestStatus({ snapshotAt, ...request }: RequestRow): RequestStatus {
  return { ...request, snapshot: snapshotAt && snapshotId(snapshotAt) };
}

function nameOf({ poolId, snapshot }: { poolId: string; snapshot: string }): string {
  return `${poolId}/${snapshot}`;
}
