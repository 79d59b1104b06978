import type { SnapshotState } from '../../model/snapshot.ts';
import type { Queryable } from '../connection.ts';
import { PUBLISHED_STATES } from '../store/states.ts';

/** The nights of a pool: each begins at one of these times, and ends with the next. */
export interface PoolNights {
  readonly poolId: string;
  /** Sorted. */
  readonly starts: readonly Date[];
}

/** The newest snapshot that began in a night. */
export interface NightSnapshot {
  readonly poolId: string;
  /** The place of the night in `starts`. */
  readonly night: number;
  readonly snapshot: string;
  readonly snapshotAt: Date;
  readonly state: SnapshotState;
  readonly users: number | null;
  /** How many snapshots began in this night. */
  readonly taken: number;
}

/** The newest snapshot of each night of each pool. It reads one row for each snapshot of these nights. */
export async function listNightSnapshots(
  db: Queryable,
  nights: readonly PoolNights[],
): Promise<NightSnapshot[]> {
  const found = await db.query<NightSnapshot>(
    `SELECT DISTINCT ON (s.pool_id, night) s.pool_id AS "poolId", night, snapshot,
       snapshot_at AS "snapshotAt", state, users,
       count(*) OVER (PARTITION BY s.pool_id, night)::integer AS taken
     FROM jsonb_to_recordset($1) AS n ("poolId" text, starts timestamptz[])
       JOIN directory.snapshots AS s ON s.pool_id = n."poolId" AND s.snapshot_at >= n.starts[1]
       CROSS JOIN LATERAL (SELECT width_bucket(s.snapshot_at, n.starts) - 1 AS night) AS placed
     WHERE state <> 'comparing'
     ORDER BY s.pool_id, night, snapshot_at DESC`,
    [JSON.stringify(nights)],
  );
  return found.rows;
}

/** A night in which a request failed before it began a snapshot. */
export interface FailedNight {
  readonly poolId: string;
  readonly night: number;
}

/** The nights with a request or an attempt that failed without a snapshot. */
export async function listFailedNights(
  db: Queryable,
  nights: readonly PoolNights[],
): Promise<FailedNight[]> {
  const found = await db.query<FailedNight>(
    `SELECT DISTINCT f.pool_id AS "poolId", width_bucket(f.at, n.starts) - 1 AS night
     FROM jsonb_to_recordset($1) AS n ("poolId" text, starts timestamptz[])
       JOIN (
         SELECT pool_id, requested_at AS at, ended_at FROM mirror.requests
         WHERE outcome = 'failed' AND snapshot_at IS NULL
         UNION ALL
         SELECT pool_id, ended_at, ended_at FROM mirror.attempts
         WHERE outcome = 'failed' AND snapshot_at IS NULL
       -- A request ends after it began: the second condition is that of the index.
       ) AS f ON f.pool_id = n."poolId" AND f.at >= n.starts[1] AND f.ended_at >= n.starts[1]`,
    [JSON.stringify(nights)],
  );
  return found.rows;
}

/** How many users a pool had at a time. */
export interface UsersAt {
  readonly at: Date;
  readonly users: number;
}

/** The users of pools over the last `days`, of the last published snapshot of each day, the oldest first. */
export async function readUsersOverTime(
  db: Queryable,
  poolIds: readonly string[],
  days: number,
): Promise<ReadonlyMap<string, readonly UsersAt[]>> {
  const found = await db.query<UsersAt & { readonly poolId: string }>(
    `SELECT DISTINCT ON (pool_id, day) pool_id AS "poolId", snapshot_at AS at, users
     FROM unnest($1::text[]) AS p (pool_id) JOIN directory.snapshots USING (pool_id)
       CROSS JOIN LATERAL (SELECT date_trunc('day', snapshot_at, 'UTC') AS day) AS days
     WHERE state IN ${PUBLISHED_STATES} AND users IS NOT NULL
       AND snapshot_at > statement_timestamp() - make_interval(days => $2)
     ORDER BY pool_id, day, snapshot_at DESC`,
    [poolIds, days],
  );
  const byPool = new Map<string, UsersAt[]>();
  for (const { poolId, at, users } of found.rows) {
    const points = byPool.get(poolId) ?? [];
    points.push({ at, users });
    byPool.set(poolId, points);
  }
  return byPool;
}

/** What the service said of a pool. */
export interface DescribedPool {
  readonly poolId: string;
  readonly name: string | null;
  readonly accountId: string;
}

/** The pools that were described, by pool id. */
export async function readDescribedPools(
  db: Queryable,
): Promise<ReadonlyMap<string, DescribedPool>> {
  const found = await db.query<DescribedPool>(
    `SELECT pool_id AS "poolId", name, account_id AS "accountId" FROM directory.pools`,
  );
  return new Map(found.rows.map((pool) => [pool.poolId, pool]));
}
