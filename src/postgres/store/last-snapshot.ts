import type pg from 'pg';
import type { Counts, Dataset } from '../../model/snapshot.ts';
import { type Queryable, transaction } from '../connection.ts';
import { PUBLISHED_STATES } from './states.ts';

/** A pool's last published snapshot, from which the next one is estimated. */
export interface LastSnapshot {
  /** Its id. */
  readonly snapshot: string;
  readonly users: number;
  /** The number of members of each group, by name. */
  readonly members: ReadonlyMap<string, number>;
  /** Rows that it changed; null for the first snapshot of a pool. */
  readonly changes: Counts | null;
  /** Users that it removed. */
  readonly removed: number;
  /** Calls to the service, without retries and without those for MFA states and settings. */
  readonly calls: number;
}

/**
 * The pool's last published snapshot, or null. It counts the pool's memberships in an index, which takes
 * seconds for tens of millions.
 */
export function lastSnapshot(
  pool: pg.Pool,
  poolId: string,
  signal: AbortSignal,
): Promise<LastSnapshot | null> {
  const read = async (client: pg.PoolClient): Promise<LastSnapshot | null> => {
    const found = await client.query<SnapshotRow>(
      `SELECT snapshot, snapshot_at AS "snapshotAt", users, removed,
         greatest(api_calls - retries - coalesce(settings, 0) - (
           SELECT count(*) FROM mirror.user_hashes AS h
           WHERE h.pool_id = s.pool_id AND h.mfa_asked_at >= s.snapshot_at
         ), 0) AS calls,
         EXISTS (
           SELECT FROM directory.snapshots AS earlier
           WHERE earlier.pool_id = s.pool_id AND earlier.snapshot_at < s.snapshot_at
             AND earlier.state IN ${PUBLISHED_STATES}
         ) AS "hasEarlier"
       FROM directory.snapshots AS s
       WHERE pool_id = $1 AND state IN ${PUBLISHED_STATES}
       ORDER BY snapshot_at DESC LIMIT 1`,
      [poolId],
    );
    const [last] = found.rows;
    if (last === undefined) return null;
    const { snapshotAt, hasEarlier, ...counts } = last;
    return {
      ...counts,
      members: await countMembersByGroup(client, poolId),
      changes: hasEarlier ? await countChanges(client, poolId, snapshotAt) : null,
    };
  };
  return transaction(pool, read, signal);
}

interface SnapshotRow extends Omit<LastSnapshot, 'members' | 'changes'> {
  readonly snapshotAt: Date;
  readonly hasEarlier: boolean;
}

async function countMembersByGroup(db: Queryable, poolId: string): Promise<Map<string, number>> {
  const counted = await db.query<{ name: string; members: number }>(
    `SELECT g.group_name AS name, count(m.username) AS members
     FROM directory.groups AS g LEFT JOIN directory.memberships AS m USING (pool_id, group_name)
     WHERE pool_id = $1 GROUP BY g.group_name`,
    [poolId],
  );
  return new Map(counted.rows.map(({ name, members }) => [name, members]));
}

async function countChanges(db: Queryable, poolId: string, snapshotAt: Date): Promise<Counts> {
  const counted = await db.query<{ dataset: Dataset; rows: number }>(
    `SELECT entity || 's' AS dataset, count(*) AS rows FROM directory.changes
     WHERE pool_id = $1 AND snapshot_at = $2 GROUP BY entity`,
    [poolId, snapshotAt],
  );
  const rows = Object.fromEntries(counted.rows.map(({ dataset, rows }) => [dataset, rows]));
  return { users: 0, groups: 0, memberships: 0, ...rows };
}
