import type { WalkKind } from '../../model/snapshot.ts';
import type { Queryable } from '../connection.ts';
import type { SnapshotLease } from './leases.ts';
import { readStageRows, stageTables } from './stage.ts';

/** How one walk went. It has no group name, because those can be personal. */
export interface WalkRecord {
  readonly id: number;
  readonly kind: WalkKind;
  /** For a walk over users: the prefix of `sub` of its shard. '' and null mean all users. */
  readonly prefix: string | null;
  /** `open`, `done`, `split`, `dropped` or `superseded`. */
  readonly state: string;
  /** How many times it started from its first page. */
  readonly attempt: number;
  /** Of the last attempt. */
  readonly pages: number;
  readonly items: number;
  /** How long its requests waited for permits, in milliseconds. */
  readonly waitedMs: number;
  /** Requests that were repeated. */
  readonly retries: number;
  /** When each holder took it, in ISO 8601. */
  readonly takenAt: readonly string[];
  /** When the holder of the same place last committed a page; null or missing if it never did. */
  readonly leftAt: readonly (string | null)[];
  /** When it started again. */
  readonly restartedAt: readonly string[];
}

/** The walks of a snapshot. */
export interface SnapshotWalks {
  /** Those that took longest, in the order in which they were planned. */
  readonly walks: readonly WalkRecord[];
  /** How many there were. */
  readonly total: number;
}

/** The most walks that are kept of a snapshot: a pool can have 10,000 groups. */
const MOST_WALKS = 120;

/** The walks of a stage that were begun, as one row with `walks` and `total`. */
function selectWalks(stage: number): string {
  return `SELECT coalesce(jsonb_agg(to_jsonb(each) ORDER BY each.id), '[]') AS walks,
      coalesce(max(each.total), 0)::integer AS total
    FROM (
      SELECT id, kind, prefix, state, attempt, pages, items, round(waited_ms) AS "waitedMs",
        retries, taken_at AS "takenAt", left_at AS "leftAt", restarted_at AS "restartedAt",
        count(*) OVER () AS total
      FROM ${stageTables(stage).walks} WHERE cardinality(taken_at) > 0
      ORDER BY left_at[cardinality(left_at)] - taken_at[1] DESC NULLS LAST, id LIMIT ${MOST_WALKS}
    ) AS each`;
}

/**
 * Records how the walks of a snapshot went, which the stage loses when the snapshot ends. Without a stage,
 * or with one that a crash of Postgres emptied, what was recorded before stays.
 */
export async function saveWalks(
  db: Queryable,
  { poolId, snapshotAt, stage }: Pick<SnapshotLease, 'poolId' | 'snapshotAt' | 'stage'>,
): Promise<void> {
  const found = await db.query<{ exists: boolean }>(
    'SELECT to_regclass($1) IS NOT NULL AS exists',
    [stageTables(stage).walks],
  );
  if (!found.rows[0]?.exists) return;
  await db.query(
    `INSERT INTO mirror.snapshot_walks AS w (pool_id, snapshot_at, walks, total)
     SELECT $1, $2, walks, total FROM (${selectWalks(stage)}) AS staged WHERE total > 0
     ON CONFLICT (pool_id, snapshot_at) DO UPDATE
       SET walks = excluded.walks, total = excluded.total`,
    [poolId, snapshotAt],
  );
}

/** The walks of an open snapshot as they are now; null if its stage was dropped. */
export async function readStageWalks(db: Queryable, stage: number): Promise<SnapshotWalks | null> {
  const [row] = await readStageRows(db.query<SnapshotWalks>(selectWalks(stage)));
  return row ?? null;
}
