import type pg from 'pg';
import { type Queryable, transaction } from '../connection.ts';
import { computeDueTimes, type DueTimes, type PoolSchedule } from './due-times.ts';
import {
  endRequestsForUnscheduled,
  openRequest,
  type SnapshotRequest,
  skipRequest,
} from './requests.ts';

const COLUMNS = 'pool_id AS "poolId", pattern, timezone';

/**
 * Makes the schedules those of the configuration. One that stays the same keeps its time, also one
 * that has passed: that run was missed, and happens once.
 */
export async function saveSchedules(
  pool: pg.Pool,
  schedules: readonly PoolSchedule[],
): Promise<void> {
  await transaction(pool, async (client) => {
    // Of workers that start at the same time one decides after the other, and none while a run is
    // taken up: whoever locks one schedule before it changes it must wait before, not between.
    await client.query('LOCK TABLE mirror.schedules IN EXCLUSIVE MODE');
    const now = await databaseTime(client);
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

/** The schedules, by pool. */
export async function listSchedules(db: Queryable): Promise<PoolSchedule[]> {
  const found = await db.query<PoolSchedule>(
    `SELECT ${COLUMNS} FROM mirror.schedules ORDER BY pool_id`,
  );
  return found.rows;
}

/** The pools whose run should have begun some seconds ago, and that no worker has taken up. */
export async function overduePools(db: Queryable, seconds: number): Promise<string[]> {
  const found = await db.query<{ poolId: string }>(
    `SELECT pool_id AS "poolId" FROM mirror.schedules
     WHERE starts_at < clock_timestamp() - make_interval(secs => $1) ORDER BY starts_at`,
    [seconds],
  );
  return found.rows.map(({ poolId }) => poolId);
}

/**
 * What came of a run that may be due: `asked` for a snapshot, `skipped` as one is in progress, to
 * `wait` for so long, or nothing to do, as it was taken up before.
 */
export type Due =
  | { readonly kind: 'asked'; readonly request: SnapshotRequest }
  | { readonly kind: 'skipped' }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'none' };

/**
 * Takes up a pool's run if it is due, by Postgres's clock and once, whoever asks and however often.
 * Runs that were missed meanwhile are one.
 */
export async function takeDue(pool: pg.Pool, poolId: string): Promise<Due> {
  return transaction(pool, async (client) => {
    const found = await client.query<PoolSchedule & DueTimes>(
      `SELECT ${COLUMNS}, due_at AS "dueAt", starts_at AS "startsAt"
       FROM mirror.schedules WHERE pool_id = $1 FOR UPDATE`,
      [poolId],
    );
    const schedule = found.rows[0];
    const now = await databaseTime(client);
    if (schedule === undefined || now < schedule.dueAt) return { kind: 'none' };
    if (now < schedule.startsAt) {
      return { kind: 'wait', ms: schedule.startsAt.getTime() - now.getTime() };
    }
    const { dueAt, startsAt } = computeDueTimes(schedule, now);
    await client.query(
      'UPDATE mirror.schedules SET due_at = $2, starts_at = $3 WHERE pool_id = $1',
      [poolId, dueAt, startsAt],
    );
    // What is in progress may end between the two questions: then there is room for this one.
    for (;;) {
      const request = await openRequest(client, poolId, 'schedule');
      if (request !== null) return { kind: 'asked', request };
      if (await skipRequest(client, poolId)) return { kind: 'skipped' };
    }
  });
}

async function databaseTime(db: Queryable): Promise<Date> {
  const read = await db.query<{ now: Date }>('SELECT clock_timestamp() AS now');
  return (read.rows[0] as { now: Date }).now;
}
