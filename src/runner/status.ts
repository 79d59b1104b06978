import type pg from 'pg';
import { snapshotId } from '../model/snapshot.ts';
import { readClock } from '../postgres/connection.ts';
import { type DeliveryRow, readDeliveryRows } from '../postgres/coordination/outbox.ts';
import {
  readVerificationRows,
  type VerificationRow,
} from '../postgres/coordination/verifications.ts';
import {
  type RequestRow,
  readRequestRows,
  readScheduleRows,
  readWorkerRows,
  type ScheduleRow,
  type WorkerRow,
} from '../postgres/coordination/worker-status.ts';
import { readWaitingErasures, type WaitingErasures } from '../postgres/store/erasures.ts';
import { type Attempt, type PoolRow, readPoolRows } from '../postgres/store/pool-status.ts';
import { formatName, readSnapshots, type SnapshotStatus } from './snapshot-status.ts';
import { computeRates } from './walking-status.ts';

/** A pool, with its newest published snapshot and the last attempt to mirror it. */
export interface PoolStatus extends Omit<PoolRow, 'lastAttempt'> {
  readonly lastAttempt: AttemptStatus | null;
  /** The verification of its archive by workers; null if they did not begin or do not verify it. */
  readonly verification: VerificationRow | null;
  /** Its webhooks that could not be delivered; null without any. */
  readonly undelivered: DeliveryRow | null;
  /** What Object Lock keeps of persons whom `forget` removed; null without any. */
  readonly waitingErasures: WaitingErasures | null;
}

/** The last attempt to mirror a pool, with the id of its snapshot; null if it started no snapshot. */
export interface AttemptStatus extends Omit<Attempt, 'snapshotAt'> {
  readonly snapshot: string | null;
}

/** A request, with the id of the snapshot that was taken for it. */
export interface RequestStatus extends Omit<RequestRow, 'snapshotAt'> {
  readonly snapshot: string | null;
}

/** What `status` shows. */
export interface Status {
  /** When it was read, on Postgres's clock. */
  readonly at: Date;
  /** Every known pool. */
  readonly pools: readonly PoolStatus[];
  readonly snapshots: readonly SnapshotStatus[];
  readonly schedules: readonly ScheduleRow[];
  readonly workers: readonly WorkerRow[];
  readonly requests: readonly RequestStatus[];
}

/** How many ended requests of each pool are shown. */
const RECENT = 5;

/**
 * Reads the snapshots, schedules and requests of these pools, or of all pools if `poolIds` is null, and
 * the workers. Snapshots and requests are sorted by pool, the newest first. It reads only Postgres.
 */
export async function readStatus(db: pg.Pool, poolIds: readonly string[] | null): Promise<Status> {
  const at = await readClock(db);
  const [pools, verifications, deliveries, waiting, schedules, workers, requests] =
    await Promise.all([
      readPoolRows(db, poolIds),
      readVerificationRows(db, poolIds),
      readDeliveryRows(db, poolIds),
      readWaitingErasures(db, poolIds),
      readScheduleRows(db, poolIds),
      readWorkerRows(db),
      readRequestRows(db, RECENT, poolIds),
    ]);
  const isWorked = workers.some(({ alive }) => alive);
  const taken = requests.filter(({ endedAt }) => isWorked && endedAt === null);
  return {
    at,
    pools: pools.map(({ lastAttempt, ...pool }) => ({
      ...pool,
      lastAttempt: lastAttempt && withSnapshotId(lastAttempt),
      verification: verifications.get(pool.poolId) ?? null,
      undelivered: deliveries.get(pool.poolId) ?? null,
      waitingErasures: waiting.get(pool.poolId) ?? null,
    })),
    snapshots: await readSnapshots(db, at, poolIds, taken),
    schedules,
    workers,
    requests: requests.map(withSnapshotId),
  };
}

/** The status with rates since an earlier one, which are more exact than averages. */
export function measureRates(status: Status, earlier: Status): Status {
  const before = new Map(
    earlier.snapshots.map((snapshot) => [formatName(snapshot), snapshot.walking]),
  );
  const snapshots = status.snapshots.map((snapshot) => {
    const walking = before.get(formatName(snapshot));
    if (!walking || !snapshot.walking) return snapshot;
    const measured = computeRates(status.at, snapshot.walking, {
      at: earlier.at,
      status: walking,
    });
    return { ...snapshot, walking: measured };
  });
  return { ...status, snapshots };
}

function withSnapshotId<T extends { readonly snapshotAt: Date | null }>({ snapshotAt, ...row }: T) {
  return { ...row, snapshot: snapshotAt && snapshotId(snapshotAt) };
}
