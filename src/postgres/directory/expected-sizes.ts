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
