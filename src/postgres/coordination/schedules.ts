import type pg from 'pg';
import { type Queryable, readClock, transaction } from '../connection.ts';
import { computeDueTimes, type DueTimes, type PoolSchedule } from './due-times.ts';
import {
  endRequestsForUnscheduled,
  openRequest,
  type SnapshotRequest,
  skipRequest,
} from './requests.ts';

const COLUMNS = 'pool_id AS "poolId", pattern, timezone';

/**
 * Replaces the schedules by those of the configuration. An unchanged schedule keeps its due time, even a
 * past one: that run was missed, and happens once.
 */
export async function saveSchedules(
  pool: pg.Pool,
  schedules: readonly PoolSchedule[],
): Promise<void> {
  await transaction(pool, async (client) => {
    // Workers that start at the same time do this one after the other. `openDueRequest` waits too: it
    // locks its schedule before it reads it, so it never sees half of the change.
    await client.query('LOCK TABLE mirror.schedules IN EXCLUSIVE MODE');
    const now = await readClock(client);
    await client.query('DELETE FROM mirror.schedules WHERE NOT pool_id = ANY ($1)', [
      schedules.map(({ poolId }) => poolId),
    ]);
    await endRequestsForUnscheduled(
      client,
      schedules.map(({ poolId }) => poolId),
    );
    for (const schedule of schedules) {
      const { dueAt, startsAt } = computeDueTimes(schedule, now);
      await client.query(
        `INSERT INTO mirror.schedules AS s (pool_id, pattern, timezone, due_at, starts_at)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (pool_id) DO UPDATE SET pattern = excluded.pattern,
           timezone = excluded.timezone, due_at = excluded.due_at, starts_at = excluded.starts_at
         WHERE (s.pattern, s.timezone) <> (excluded.pattern, excluded.timezone)`,
        [schedule.poolId, schedule.pattern, schedule.timezone, dueAt, startsAt],
      );
    }
  });
}

/** The schedules by pool. */
export async function listSchedules(db: Queryable): Promise<PoolSchedule[]> {
  const found = await db.query<PoolSchedule>(
    `SELECT ${COLUMNS} FROM mirror.schedules ORDER BY pool_id`,
  );
  return found.rows;
}

/** The pools whose run should have started more than `seconds` ago, and has no request yet. */
export async function listOverduePools(db: Queryable, seconds: number): Promise<string[]> {
  const found = await db.query<{ poolId: string }>(
    `SELECT pool_id AS "poolId" FROM mirror.schedules
     WHERE starts_at < clock_timestamp() - make_interval(secs => $1) ORDER BY starts_at`,
    [seconds],
  );
  return found.rows.map(({ poolId }) => poolId);
}

/**
 * The result for a run that may be due. `requested`: a request is open. `skipped`: another request of the
 * pool is open. `wait`: it is due later. `none`: it was requested before, or has no schedule.
 */
type Due =
  | { readonly kind: 'requested'; readonly request: SnapshotRequest }
  | { readonly kind: 'skipped' }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'none' };

/**
 * Opens the request of a pool's run if it is due by Postgres's clock. Each run gets one request, no matter
 * how many workers call this. Several missed runs get one request together.
 */
export async function openDueRequest(pool: pg.Pool, poolId: string): Promise<Due> {
  return transaction(pool, async (client) => {
    const found = await client.query<PoolSchedule & DueTimes>(
      `SELECT ${COLUMNS}, due_at AS "dueAt", starts_at AS "startsAt"
       FROM mirror.schedules WHERE pool_id = $1 FOR UPDATE`,
      [poolId],
    );
    const schedule = found.rows[0];
    const now = await readClock(client);
    if (schedule === undefined || now < schedule.dueAt) return { kind: 'none' };
    if (now < schedule.startsAt) {
      return { kind: 'wait', ms: schedule.startsAt.getTime() - now.getTime() };
    }
    const { dueAt, startsAt } = computeDueTimes(schedule, now);
    await client.query(
      'UPDATE mirror.schedules SET due_at = $2, starts_at = $3 WHERE pool_id = $1',
      [poolId, dueAt, startsAt],
    );
    // If the open request ends between these two statements, the next try opens this one.
    for (;;) {
      const request = await openRequest(client, poolId, 'schedule');
      if (request !== null) return { kind: 'requested', request };
      if (await skipRequest(client, poolId)) return { kind: 'skipped' };
    }
  });
}
