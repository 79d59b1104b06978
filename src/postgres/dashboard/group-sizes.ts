import type { Queryable } from '../connection.ts';

/** A group and how many members it has now. */
export interface GroupSize {
  readonly groupName: string;
  readonly members: number;
}

/** Every group of the pool with its members now, the largest first. It reads every membership once. */
export async function listGroupSizes(db: Queryable, poolId: string): Promise<GroupSize[]> {
  const found = await db.query<GroupSize>(
    `SELECT g.group_name AS "groupName", coalesce(m.members, 0) AS members
     FROM directory.groups AS g
     LEFT JOIN (
       SELECT group_name, count(*) AS members FROM directory.memberships
       WHERE pool_id = $1 GROUP BY group_name
     ) AS m USING (group_name)
     WHERE g.pool_id = $1
     ORDER BY members DESC, group_name`,
    [poolId],
  );
  return found.rows;
}

/** By how much a group grew at a snapshot. */
export interface GroupGrowth {
  readonly groupName: string;
  readonly snapshotAt: Date;
  /** Negative if it shrank. */
  readonly grown: number;
}

/** When and by how much these groups grew after a time: only memberships that began or ended since. */
export async function listGroupGrowth(
  db: Queryable,
  poolId: string,
  groupNames: readonly string[],
  since: Date,
): Promise<GroupGrowth[]> {
  const count = (table: string, column: string, sign: string) =>
    `SELECT group_name, ${column} AS at, ${sign}count(*) AS grown FROM directory.${table}
     WHERE pool_id = $1 AND group_name = ANY ($2) AND ${column} > $3 GROUP BY group_name, ${column}`;
  const found = await db.query<GroupGrowth>(
    `SELECT group_name AS "groupName", at AS "snapshotAt", sum(grown)::bigint AS grown FROM (
       ${count('memberships', 'valid_from', '')}
       UNION ALL ${count('membership_history', 'valid_from', '')}
       UNION ALL ${count('membership_history', 'valid_to', '-')}
     ) AS moved
     GROUP BY group_name, at HAVING sum(grown) <> 0 ORDER BY at`,
    [poolId, groupNames, since],
  );
  return found.rows;
}
