import type { Counts } from '../../model/snapshot.ts';
import type { Queryable } from '../connection.ts';
import type { Run } from '../run.ts';

/** The sizes of the snapshot that a run is compared with; zeros for a pool's first. */
export async function expectedSizes(db: Queryable, run: Run): Promise<Counts> {
  const sizes = await db.query<Counts>(
    `SELECT coalesce(users, 0) AS users, coalesce(groups, 0) AS groups,
       coalesce(memberships, 0) AS memberships
     FROM directory.snapshots WHERE pool_id = $1 AND snapshot_at = $2`,
    [run.poolId, run.baseAt],
  );
  return sizes.rows[0] ?? { users: 0, groups: 0, memberships: 0 };
}

/**
 * How many current users have a `sub` that begins with `prefix`, by the digit that follows it.
 * Digits that no user has are left out.
 */
export async function usersByNextDigit(
  db: Queryable,
  run: Run,
  prefix: string,
): Promise<Map<string, number>> {
  const counted = await db.query<{ digit: string; users: number }>(
    `SELECT substr(sub, $3::integer, 1) AS digit, count(*) AS users FROM directory.users
     WHERE pool_id = $1 AND sub >= $2 AND sub < $2 || 'g' GROUP BY digit`,
    [run.poolId, prefix, prefix.length + 1],
  );
  return new Map(counted.rows.map((row) => [row.digit, row.users]));
}
