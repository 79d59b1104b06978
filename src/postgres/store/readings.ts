import type { Queryable } from '../connection.ts';
import type { SnapshotLease } from './leases.ts';
import { stageTables } from './stage.ts';

/*
 * How the users of a pool are read, in shards or in a single chain, and how complete that was. Shards
 * lose users whose `sub` is missing or is not a UUID in lower case, so the mirror remembers such pools.
 */

/** How the users of a stage were read, and how many there are. Its reads must be merged. */
export interface Reading {
  readonly users: number;
  /** True if they were read in shards. */
  readonly inShards: boolean;
  /** True if they were read in a single chain, by decision. */
  readonly singleChain: boolean;
  /** True if a single chain read users that are in no shard. */
  readonly outsideShards: boolean;
}

export async function readUserCounts(db: Queryable, lease: SnapshotLease): Promise<Reading> {
  const t = stageTables(lease.stage);
  const found = await db.query<Reading>(
    `SELECT r.single_chain AS "singleChain",
       EXISTS (SELECT FROM ${t.walks} WHERE kind = 'users' AND state = 'split') AS "inShards",
       (SELECT count(*) FROM ${t.users}) AS users,
       r.single_chain AND EXISTS (
         SELECT FROM ${t.users} WHERE sub IS NULL OR sub !~ '^[0-9a-f]{8}-'
       ) AS "outsideShards"
     FROM mirror.runs AS r WHERE r.pool_id = $1 AND r.snapshot_at = $2`,
    [lease.poolId, lease.snapshotAt],
  );
  return found.rows[0] as Reading;
}

/** What the mirror remembers of earlier readings of a pool. */
interface ReadingRecord {
  /** True if it has users that are in no shard. */
  readonly singleChain: boolean;
  /** How many users the last single chain read fewer than the service estimated. */
  readonly shortfall: number;
}

export async function findReadingRecord(db: Queryable, poolId: string): Promise<ReadingRecord> {
  const found = await db.query<ReadingRecord>(
    'SELECT single_chain AS "singleChain", shortfall FROM mirror.pools WHERE pool_id = $1',
    [poolId],
  );
  return found.rows[0] ?? { singleChain: false, shortfall: 0 };
}

/** Records what a single chain showed. */
export async function recordReading(
  db: Queryable,
  poolId: string,
  { singleChain, shortfall }: ReadingRecord,
): Promise<void> {
  await db.query(
    `INSERT INTO mirror.pools AS p (pool_id, single_chain, shortfall) VALUES ($1, $2, $3)
     ON CONFLICT (pool_id) DO UPDATE SET single_chain = excluded.single_chain,
       shortfall = excluded.shortfall`,
    [poolId, singleChain, shortfall],
  );
}
