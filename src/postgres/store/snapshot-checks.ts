import { DATASETS, type Dataset, type WalkKind } from '../../model/snapshot.ts';
import type { Queryable } from '../connection.ts';
import type { StageCounts } from './count-stage.ts';
import type { SnapshotLease } from './leases.ts';
import { stageTables } from './stage.ts';
import { KIND_ORDER } from './walks.ts';

/** The walks of one kind that ended on an absent token. */
export interface WalkEvidence {
  readonly kind: WalkKind;
  readonly walks: number;
  readonly pages: number;
  readonly items: number;
  /** How often one of them began again from its first page. */
  readonly restarts: number;
}

/** The rows of one dataset that a snapshot removes. */
export interface RemovalEvidence {
  readonly dataset: Dataset;
  /** Rows of the snapshot before. */
  readonly rows: number;
  readonly removed: number;
}

/** What the check of a snapshot decided, and on what grounds. */
export interface CheckRecord {
  /** The service's estimate of users. */
  readonly estimatedUsers: number;
  /** Users of the last snapshot that no walk returned. */
  readonly missingUsers: number;
  /** How many of them were looked up by name. */
  readonly askedUsers: number;
  /** How many of those exist, or could not be looked up. */
  readonly keptUsers: number;
  /** The share of rows, 0 to 1, that the removal guard allowed. */
  readonly maxRemovedRatio: number;
  /** Why the snapshot is held; null if the check passed. */
  readonly objection: string | null;
}

/** Records the evidence of a check, which the stage loses when the snapshot ends. */
export async function saveCheck(
  db: Queryable,
  lease: SnapshotLease,
  sizes: StageCounts,
  record: CheckRecord,
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
