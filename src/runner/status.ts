import type pg from 'pg';
import { snapshotId } from '../model/snapshot.ts';
import { type Attempt, type PoolRow, readPoolRows } from '../postgres/store/pool-status.ts';
import {
  type RequestRow,
  readClock,
  requestRows,
  type ScheduleRow,
  scheduleRows,
  type WorkerRow,
  workerRows,
} from '../postgres/work/worker-status.ts';
import { nameOf, readSnapshots, type SnapshotStatus } from './snapshot-status.ts';
import { measuredStatus } from './walking-status.ts';

/** A pool, with its newest published snapshot and the last attempt to mirror it. */
export interface PoolStatus extends Omit<PoolRow, 'lastAttempt'> {
  readonly lastAttempt: AttemptStatus | null;
}

/** The last attempt to mirror a pool, with the id of its snapshot; null where it began none. */
export interface AttemptStatus extends Omit<Attempt, 'snapshotAt'> {
  readonly snapshot: string | null;
}

/** A snapshot that the workers were asked for, with the id of the one that came of it. */
export interface RequestStatus extends Omit<RequestRow, 'snapshotAt'> {
  readonly snapshot: string | null;
}

/** Where everything stands. */
export interface Status {
  /** When it was read, by Postgres's clock. */
  readonly at: Date;
  /** Every pool that is known. */
  readonly pools: readonly PoolStatus[];
  readonly snapshots: readonly SnapshotStatus[];
  readonly schedules: readonly ScheduleRow[];
  readonly workers: readonly WorkerRow[];
  readonly requests: readonly RequestStatus[];
}

/** How many ended requests of each pool are shown. */
const RECENT = 5;

/**
 * Where these pools stand with their snapshots, schedules and requests, all pools where `poolIds` is
 * null, and the workers. Snapshots and requests come by pool, the newest first. It reads Postgres
 * alone.
 */
export async function readStatus(db: pg.Pool, poolIds: readonly string[] | null): Promise<Status> {
  const at = await readClock(db);
  const [pools, schedules, workers, requests] = await Promise.all([
    readPoolRows(db, poolIds),
    scheduleRows(db, poolIds),
    workerRows(db),
    requestRows(db, RECENT, poolIds),
  ]);
  const isWorked = workers.some(({ alive }) => alive);
  const taken = requests.filter(({ endedAt }) => isWorked && endedAt === null);
  return {
    at,
    pools: pools.map(poolStatus),
    snapshots: await readSnapshots(db, at, poolIds, taken),
    schedules,
    workers,
    requests: requests.map(withId),
  };
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

function poolStatus({ lastAttempt, ...pool }: PoolRow): PoolStatus {
  return { ...pool, lastAttempt: lastAttempt && withId(lastAttempt) };
}

function withId<T extends { readonly snapshotAt: Date | null }>({ snapshotAt, ...row }: T) {
  return { ...row, snapshot: snapshotAt && snapshotId(snapshotAt) };
}
