import type { Counts } from '../../model/snapshot.ts';
import type { Queryable } from '../connection.ts';
import type { SnapshotLease } from './leases.ts';
import { PUBLISHED_STATES } from './states.ts';

/** The sizes of the pool's newest published snapshot; zeros before the first. */
export async function readExpectedSizes(db: Queryable, poolId: string): Promise<Counts> {
  const sizes = await db.query<Counts>(
    `SELECT coalesce(users, 0) AS users, coalesce(groups, 0) AS groups,
       coalesce(memberships, 0) AS memberships
     FROM directory.snapshots WHERE pool_id = $1 AND state IN ${PUBLISHED_STATES}
     ORDER BY snapshot_at DESC LIMIT 1`,
    [poolId],
  );
  return sizes.rows[0] ?? { users: 0, groups: 0, memberships: 0 };
}

/**
 * How many current users have a `sub` that starts with `prefix`, by the digit after it. Digits without
 * users are left out.
 */
export async function countUsersByNextDigit(
  db: Queryable,
  lease: SnapshotLease,
  prefix: string,
): Promise<Map<string, number>> {
  const counted = await db.query<{ digit: string; users: number }>(
    `SELECT substr(sub, $3::integer, 1) AS digit, count(*) AS users FROM directory.users
     WHERE pool_id = $1 AND sub >= $2 AND sub < $2 || 'g' GROUP BY digit`,
    [lease.poolId, prefix, prefix.length + 1],
  );
  return new Map(counted.rows.map((row) => [row.digit, row.users]));
}
