import type { CheckRecord, RemovalEvidence } from '../../model/report-source.ts';
import { DATASETS } from '../../model/snapshot.ts';
import type { Queryable } from '../connection.ts';
import type { StageCounts } from './count-stage.ts';
import type { SnapshotLease } from './leases.ts';
import { stageTables } from './stage.ts';
import { KIND_ORDER } from './walks.ts';

/** What a check decided, without what the stage knows. */
export type CheckResult = Omit<CheckRecord, 'singleChain' | 'walks' | 'removals'>;

/** Records the evidence of a check, which the stage loses when the snapshot ends. */
export async function saveCheck(
  db: Queryable,
  lease: SnapshotLease,
  sizes: StageCounts,
  record: CheckResult,
): Promise<void> {
  const t = stageTables(lease.stage);
  const removals: RemovalEvidence[] = DATASETS.map((dataset) => ({
    dataset,
    rows: sizes.current[dataset],
    removed: sizes.removed[dataset],
  }));
  await db.query(
    `INSERT INTO directory.snapshot_checks (pool_id, snapshot_at, estimated_users, missing_users,
       asked_users, kept_users, max_removed_ratio, objection, removals, single_chain, walks)
     SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, r.single_chain, w.walks
     FROM mirror.runs AS r CROSS JOIN (
       SELECT jsonb_agg(to_jsonb(each) ORDER BY ${KIND_ORDER}) AS walks
       FROM (
         SELECT kind, count(*) AS walks, sum(pages) AS pages, sum(items) AS items,
           sum(attempt - 1) AS restarts
         FROM ${t.walks} WHERE state = 'done' GROUP BY kind
       ) AS each
     ) AS w
     WHERE r.pool_id = $1 AND r.snapshot_at = $2
     ON CONFLICT (pool_id, snapshot_at) DO UPDATE SET estimated_users = excluded.estimated_users,
       missing_users = excluded.missing_users, asked_users = excluded.asked_users,
       kept_users = excluded.kept_users, max_removed_ratio = excluded.max_removed_ratio,
       objection = excluded.objection, removals = excluded.removals,
       single_chain = excluded.single_chain, walks = excluded.walks`,
    [
      lease.poolId,
      lease.snapshotAt,
      record.estimatedUsers,
      record.missingUsers,
      record.askedUsers,
      record.keptUsers,
      record.maxRemovedRatio,
      record.objection,
      JSON.stringify(removals),
    ],
  );
}

/** What the check of a snapshot found; null if it was not checked, or by an earlier version. */
export async function findCheck(
  db: Queryable,
  poolId: string,
  snapshotAt: Date,
): Promise<CheckRecord | null> {
  const found = await db.query<CheckRecord>(
    `SELECT estimated_users AS "estimatedUsers", single_chain AS "singleChain", walks,
       missing_users AS "missingUsers", asked_users AS "askedUsers", kept_users AS "keptUsers",
       removals, max_removed_ratio AS "maxRemovedRatio", objection
     FROM directory.snapshot_checks WHERE pool_id = $1 AND snapshot_at = $2`,
    [poolId, snapshotAt],
  );
  return found.rows[0] ?? null;
}
