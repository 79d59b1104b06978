import type { Queryable } from '../connection.ts';
import type { Run } from '../run.ts';
import { stageTables } from '../stage-tables.ts';

/** How a stage's users were read, and how many they are once its reads are merged. */
export interface Reading {
  readonly users: number;
  /** Whether they were read in shards. */
  readonly cut: boolean;
  /** Whether they were read in one chain, by decision. */
  readonly serial: boolean;
  /** Whether some are in no shard: those whose `sub` is missing, or no UUID in lower case. */
  readonly odd: boolean;
}

/** Tells how the users of a stage were read. */
export async function readingOf(db: Queryable, run: Run): Promise<Reading> {
  const t = stageTables(run.stage);
  const found = await db.query<Reading>(
    `SELECT r.serial,
       EXISTS (SELECT FROM ${t.walks} WHERE kind = 'users' AND state = 'split') AS cut,
       (SELECT count(*) FROM ${t.users}) AS users,
       r.serial AND EXISTS (
         SELECT FROM ${t.users} WHERE sub IS NULL OR sub !~ '^[0-9a-f]{8}-'
       ) AS odd
     FROM mirror.runs AS r WHERE r.pool_id = $1 AND r.snapshot_at = $2`,
    [run.poolId, run.snapshotAt],
  );
  return found.rows[0] as Reading;
}
