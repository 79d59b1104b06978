import type { Queryable } from '../connection.ts';
import { PUBLISHED_STATES } from '../store/states.ts';

/** What happened to a pool on one day of UTC. Values of its last published snapshot are null without one. */
export interface PoolDay {
  /** As `YYYY-MM-DD`. */
  readonly day: string;
  /** When its last published snapshot began. */
  readonly snapshotAt: Date | null;
  readonly users: number | null;
  /** Users that its snapshots added and removed. A pool's first snapshot counts for neither. */
  readonly signUps: number;
  readonly removals: number;
  /** Seconds of its last published snapshot: reading, from there to its publication, then its archive. */
  readonly readSeconds: number | null;
  /** Without the time that it was held. */
  readonly publishSeconds: number | null;
  readonly archiveSeconds: number | null;
  /** Of all its snapshots, also those that were not published. */
  readonly apiCalls: number;
  readonly throttled: number;
  readonly retries: number;
}

/** The days since a time on which a snapshot of the pool began, the oldest first. It reads no user. */
export async function listPoolDays(db: Queryable, poolId: string, since: Date): Promise<PoolDay[]> {
  const last = (value: string) =>
    `(array_agg(${value} ORDER BY snapshot_at DESC) FILTER (WHERE is_published))[1]`;
  const seconds = (from: string, to: string) =>
    last(`greatest(0, extract(epoch FROM ${to} - ${from}))::double precision`);
  const found = await db.query<PoolDay>(
    `SELECT (snapshot_at AT TIME ZONE 'UTC')::date::text AS day,
       ${last('snapshot_at')} AS "snapshotAt", ${last('users')} AS users,
       coalesce(sum(added) FILTER (WHERE is_later), 0)::bigint AS "signUps",
       coalesce(sum(removed) FILTER (WHERE is_later), 0)::bigint AS removals,
       ${seconds('snapshot_at', 'walked_at')} AS "readSeconds",
       ${last(`CASE WHEN objection IS NULL
         THEN greatest(0, extract(epoch FROM published_at - walked_at))::double precision
         ELSE 0 END`)} AS "publishSeconds",
       ${seconds('published_at', 'archived_at')} AS "archiveSeconds",
       sum(api_calls)::bigint AS "apiCalls", sum(throttled)::bigint AS throttled,
       sum(retries)::bigint AS retries
     FROM (
       SELECT s.*, c.objection, s.state IN ${PUBLISHED_STATES} AS is_published,
         s.state IN ${PUBLISHED_STATES} AND s.snapshot_at > (
           SELECT min(snapshot_at) FROM directory.snapshots
           WHERE pool_id = $1 AND state IN ${PUBLISHED_STATES}
         ) AS is_later
       FROM directory.snapshots AS s
       LEFT JOIN directory.snapshot_checks AS c USING (pool_id, snapshot_at)
       WHERE s.pool_id = $1 AND s.snapshot_at >= $2 AND s.state <> 'comparing'
     ) AS s
     GROUP BY day ORDER BY day`,
    [poolId, since],
  );
  return found.rows;
}

/** How many users of a status a snapshot has. */
export interface StatusCountThen {
  readonly snapshotAt: Date;
  readonly status: string | null;
  readonly enabled: boolean | null;
  readonly users: number;
}

/** The users by status of each of these snapshots, if their counts are kept. */
export async function listStatusCounts(
  db: Queryable,
  poolId: string,
  snapshots: readonly Date[],
): Promise<StatusCountThen[]> {
  const found = await db.query<StatusCountThen>(
    `SELECT snapshot_at AS "snapshotAt", status, enabled, users FROM mirror.status_counts
     WHERE pool_id = $1 AND snapshot_at = ANY ($2) AND users > 0
     ORDER BY snapshot_at, users DESC`,
    [poolId, snapshots],
  );
  return found.rows;
}

/** Counts the users by status. It reads every user: for a pool whose last snapshot has no kept counts. */
export async function countStatuses(
  db: Queryable,
  poolId: string,
): Promise<Omit<StatusCountThen, 'snapshotAt'>[]> {
  const found = await db.query<StatusCountThen>(
    `SELECT status, enabled, count(*) AS users FROM directory.users WHERE pool_id = $1
     GROUP BY status, enabled ORDER BY users DESC`,
    [poolId],
  );
  return found.rows;
}
