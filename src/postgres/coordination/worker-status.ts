import type { Queryable } from '../connection.ts';
import { selectPoolsOf } from '../store/pools.ts';
import type { DueTimes, PoolSchedule } from './due-times.ts';
import type { RequestOutcome, SnapshotRequest } from './requests.ts';
import { LOST_AFTER_SECONDS, type Worker } from './workers.ts';

/** The schedule of a pool, and its next run without a request. */
export type ScheduleRow = PoolSchedule & DueTimes;

/** A worker process, as of its last heartbeat. */
export interface WorkerRow extends Worker {
  readonly startedAt: Date;
  readonly seenAt: Date;
  /** False if its last heartbeat is so old that it is lost. */
  readonly alive: boolean;
  /** How many jobs it ran. */
  readonly jobs: number;
  /** Why it cannot work; null if it can. */
  readonly problem: string | null;
}

/** A request, open or ended. */
export interface RequestRow extends Omit<SnapshotRequest, 'runId'> {
  /** What an open request waits for; null if it does not wait. */
  readonly waitingReason: string | null;
  /** Null while it is open. */
  readonly endedAt: Date | null;
  readonly outcome: RequestOutcome | null;
  readonly reason: string | null;
}

/** The schedules by pool, of these pools, or of all if `poolIds` is null. */
export async function readScheduleRows(
  db: Queryable,
  poolIds: readonly string[] | null,
): Promise<ScheduleRow[]> {
  const found = await db.query<ScheduleRow>(
    `SELECT pool_id AS "poolId", pattern, timezone, due_at AS "dueAt", starts_at AS "startsAt"
     FROM mirror.schedules WHERE $1::text[] IS NULL OR pool_id = ANY ($1) ORDER BY pool_id`,
    [poolIds],
  );
  return found.rows;
}

/** The workers that have not stopped: first lost ones, then those with a problem. */
export async function readWorkerRows(db: Queryable): Promise<WorkerRow[]> {
  const found = await db.query<WorkerRow>(
    `SELECT id, host, pid, version, started_at AS "startedAt", seen_at AS "seenAt", alive, jobs,
       problem
     FROM mirror.workers
     CROSS JOIN LATERAL (
       SELECT seen_at > clock_timestamp() - make_interval(secs => $1) AS alive
     ) AS heard
     ORDER BY alive, problem IS NULL, host, pid, id`,
    [LOST_AFTER_SECONDS],
  );
  return found.rows;
}

/** Every open request, and the newest `limit` ended ones of each pool, by pool, the newest first. */
export async function readRequestRows(
  db: Queryable,
  limit: number,
  poolIds: readonly string[] | null,
): Promise<RequestRow[]> {
  const found = await db.query<RequestRow>(
    `SELECT id, pool_id AS "poolId", source, requested_at AS "requestedAt",
       snapshot_at AS "snapshotAt", waiting_reason AS "waitingReason", ended_at AS "endedAt", outcome, reason
     FROM (SELECT pool_id AS pool FROM ${selectPoolsOf('mirror.requests')} AS found) AS p
       CROSS JOIN LATERAL (
         (SELECT * FROM mirror.requests WHERE pool_id = pool AND ended_at IS NULL)
         UNION ALL
         (SELECT * FROM mirror.requests WHERE pool_id = pool AND ended_at IS NOT NULL
          ORDER BY ended_at DESC, id DESC LIMIT $1)
       ) AS r
     WHERE $2::text[] IS NULL OR pool = ANY ($2)
     ORDER BY pool_id, ended_at DESC NULLS FIRST, id DESC`,
    [limit, poolIds],
  );
  return found.rows;
}
