import { bounded, NoAnswerError } from '../../common/bounded.ts';
import type { SnapshotState } from '../../model/snapshot.ts';
import type { DirectoryMetrics } from '../../telemetry/metrics-directory.ts';
import type { Queryable } from '../connection.ts';
import { isTemporaryDatabaseError } from '../database-error.ts';
import { WAITING_ERASURES } from '../store/erasures.ts';
import { EXPECTED_POOLS } from '../store/pools.ts';
import { OPEN_STATES, PUBLISHED_STATES } from '../store/states.ts';
import type { RequestOutcome } from './requests.ts';
import { LOST_AFTER_SECONDS } from './workers.ts';

/** A result is reused for this long, so that many scrapes cost as much as one. */
const REUSED_MS = 5_000;
/** How long a scrape waits for Postgres. */
const TIMEOUT_MS = 2_000;

const NO_SNAPSHOTS: Readonly<Record<SnapshotState, number>> = {
  walking: 0,
  comparing: 0,
  held: 0,
  published: 0,
  archived: 0,
  failed: 0,
  discarded: 0,
};
const NO_REQUESTS: Readonly<Record<RequestOutcome, number>> = {
  done: 0,
  held: 0,
  skipped: 0,
  failed: 0,
};

/**
 * Reads the metrics of all pools and workers. They are at most five seconds old.
 *
 * @param onDefect is called with each error that does not mean that Postgres is down, such as a missing
 *   table: waiting does not fix it. The result is then empty, but not null.
 * @returns a function that resolves to null if Postgres is down, or does not answer within two seconds.
 */
export function openMetricsQuery(
  db: Queryable,
  onDefect: (error: Error) => void,
): () => Promise<DirectoryMetrics | null> {
  let last: { readonly metrics: DirectoryMetrics | null; readonly at: number } | null = null;
  const read = bounded(async () => {
    const metrics = await readMetrics(db).catch((error: Error) => {
      if (isTemporaryDatabaseError(error)) return null;
      onDefect(error);
      return { pools: [], workers: null };
    });
    last = { metrics, at: performance.now() };
    return metrics;
  }, TIMEOUT_MS);
  return async () => {
    if (last !== null && performance.now() - last.at < REUSED_MS) return last.metrics;
    return read().catch((error: unknown) => {
      if (error instanceof NoAnswerError) return null;
      throw error;
    });
  };
}

/**
 * One entry for each expected pool, and the workers by state. Ages are by Postgres's clock, at one
 * moment, so that equal ages are equal. If a snapshot's time is in the future, because the clock was
 * ahead, its age counts from its publication. The query reads no table of users: the rows of snapshots
 * have their counts.
 */
async function readMetrics(db: Queryable): Promise<DirectoryMetrics> {
  const found = await db.query<DirectoryMetrics>(
    `WITH listed AS (
       ${EXPECTED_POOLS}
     ),
     by_state AS (
       SELECT pool_id, jsonb_object_agg(state, number) AS snapshots
       FROM (
         SELECT pool_id, state, count(*) AS number FROM directory.snapshots GROUP BY 1, 2
       ) AS counted GROUP BY 1
     ),
     by_outcome AS (
       SELECT pool_id, jsonb_object_agg(outcome, number) AS requests
       FROM (
         SELECT pool_id, outcome, count(*) AS number FROM mirror.requests
         WHERE outcome IS NOT NULL GROUP BY 1, 2
       ) AS counted GROUP BY 1
     ),
     waiting AS (
       ${WAITING_ERASURES}
     ),
     staged AS (
       SELECT r.pool_id, sum(pg_total_relation_size(c.oid))::bigint AS bytes
       FROM directory.snapshots AS s
       JOIN mirror.runs AS r USING (pool_id, snapshot_at)
       JOIN pg_class AS c ON c.relnamespace = 'mirror'::regnamespace AND c.relkind = 'r'
         AND c.relname LIKE 'stage\\_' || r.stage || '\\_%'
       WHERE s.state IN ${OPEN_STATES} GROUP BY 1
     ),
     pools AS (
       SELECT listed.pool_id AS "poolId",
         EXISTS (SELECT FROM mirror.schedules WHERE pool_id = listed.pool_id) AS scheduled,
         EXISTS (
         SELECT FROM mirror.schedules WHERE pool_id = listed.pool_id AND late_at IS NOT NULL
       ) AS late,
       EXISTS (
         SELECT FROM mirror.pools WHERE pool_id = listed.pool_id AND vanished_at IS NOT NULL
       ) AS vanished,
       $1::jsonb || coalesce(snapshots, '{}') AS snapshots,
         $2::jsonb || coalesce(requests, '{}') AS requests,
         extract(epoch FROM statement_timestamp() - newest.taken_at)::double precision
           AS "publishedAge",
         extract(epoch FROM statement_timestamp() - archived.taken_at)::double precision
           AS "archivedAge",
         CASE WHEN newest.taken_at IS NOT NULL THEN to_jsonb(newest) - 'taken_at' END AS newest,
         CASE WHEN a.pool_id IS NOT NULL THEN jsonb_build_object(
           'endedAt', extract(epoch FROM a.ended_at), 'succeeded', a.outcome = 'archived')
         END AS "lastAttempt",
         coalesce(bytes, 0) AS "stageBytes",
         coalesce(waiting.objects, 0) AS "waitingObjects",
         CASE WHEN v.pool_id IS NOT NULL THEN jsonb_build_object(
           'findings', (SELECT coalesce(sum(number::bigint), 0) FROM jsonb_each_text(v.findings) AS f (code, number)),
           'completedAt', coalesce(extract(epoch FROM v.ended_at), 0),
           'coveredSince', extract(epoch FROM v.covered_since))
         END AS verification
       FROM listed
         LEFT JOIN by_state USING (pool_id)
         LEFT JOIN by_outcome USING (pool_id)
         LEFT JOIN staged USING (pool_id)
         LEFT JOIN waiting USING (pool_id)
         LEFT JOIN mirror.attempts AS a USING (pool_id)
         LEFT JOIN LATERAL (
           SELECT least(snapshot_at, published_at) AS taken_at, users, groups, memberships, added,
             modified, removed, coalesce(repaired, 0) AS repaired, mfa_known AS "mfaKnown"
           FROM directory.snapshots AS s
           WHERE s.pool_id = listed.pool_id AND state IN ${PUBLISHED_STATES}
           ORDER BY snapshot_at DESC LIMIT 1
         ) AS newest ON true
         LEFT JOIN LATERAL (
           SELECT least(snapshot_at, published_at) AS taken_at, destination
           FROM directory.snapshots AS s LEFT JOIN mirror.runs AS r USING (pool_id, snapshot_at)
           WHERE s.pool_id = listed.pool_id AND state = 'archived'
           ORDER BY snapshot_at DESC LIMIT 1
         ) AS archived ON true
         LEFT JOIN mirror.verifications AS v ON v.pool_id = listed.pool_id
           AND v.destination = archived.destination AND v.due_at IS NOT NULL
     )
     SELECT
       (SELECT coalesce(jsonb_agg(p ORDER BY p."poolId"), '[]') FROM pools AS p) AS pools,
       (SELECT jsonb_build_object(
          'alive', count(*) FILTER (WHERE heard AND problem IS NULL),
          'unready', count(*) FILTER (WHERE heard AND problem IS NOT NULL),
          'lost', count(*) FILTER (WHERE NOT heard))
        FROM mirror.workers CROSS JOIN LATERAL (
          SELECT seen_at > clock_timestamp() - make_interval(secs => $3) AS heard
        ) AS seen) AS workers`,
    [NO_SNAPSHOTS, NO_REQUESTS, LOST_AFTER_SECONDS],
  );
  const [row] = found.rows;
  return row as DirectoryMetrics;
}
