import type pg from 'pg';
import type { Group } from '../../model/directory.ts';
import { rowCount, transaction } from '../connection.ts';
import { listWritten } from './columns.ts';
import type { UserPage } from './commit-pages.ts';
import type { SnapshotLease } from './leases.ts';
import { stageTables } from './stage.ts';
import { STAGED_GROUP, toGroupRow } from './staged-rows.ts';
import { failLostWalk, LEAVES, WALK_COLUMNS, type Walk } from './walks.ts';

/**
 * Stages a page of groups: its rows, the checkpoint of its walk, and a walk over the members of each
 * group, in one transaction. Each walk expects the size that its group had in the last snapshot.
 *
 * @returns the new walks over members.
 * @throws LeaseLostError if another runner has the walk.
 */
export async function commitGroups(
  pool: pg.Pool,
  lease: SnapshotLease,
  page: Omit<UserPage, 'users' | 'members'> & { readonly groups: readonly Group[] },
): Promise<Walk[]> {
  const t = stageTables(lease.stage);
  return transaction(pool, async (client) => {
    const moved = await client.query(
      `UPDATE ${t.walks} AS w SET
         token = $4::text,
         token_at = clock_timestamp() - $5::double precision * interval '1 millisecond',
         pages = pages + 1,
         items = items + $6,
         waited_ms = waited_ms + $7,
         retries = retries + $8,
         ${LEAVES},
         state = CASE WHEN $4::text IS NULL THEN 'done' ELSE 'open' END
       WHERE id = $1 AND attempt = $2 AND lease = $3 AND state = 'open'`,
      [
        page.walk.id,
        page.walk.attempt,
        page.walk.lease,
        page.nextToken,
        performance.now() - page.sentAt,
        page.groups.length,
        page.waitedMs,
        page.retries,
      ],
    );
    if (rowCount(moved) === 0) await failLostWalk(client, lease, page.walk);
    await client.query(
      `INSERT INTO ${t.groups} (walk, attempt, read_at, ${listWritten('groups')})
       SELECT $1, $2, clock_timestamp(), g.* FROM jsonb_to_recordset($3) AS g (${STAGED_GROUP})`,
      [page.walk.id, page.walk.attempt, JSON.stringify(page.groups.map(toGroupRow))],
    );
    // A restarted walk over groups finds groups that already have walks.
    const added = await client.query<Walk>(
      `INSERT INTO ${t.walks} AS w (kind, group_name, expected)
       SELECT 'members', g.name, (
         SELECT nullif(count(*), 0) FROM directory.memberships AS m
         WHERE m.pool_id = $1 AND m.group_name = g.name COLLATE "C"
       )
       FROM unnest($2::text[]) AS g (name)
       WHERE NOT EXISTS (
         SELECT FROM ${t.walks} AS o WHERE o.kind = 'members' AND o.group_name = g.name COLLATE "C"
       )
       RETURNING ${WALK_COLUMNS}`,
      [lease.poolId, page.groups.map((group) => group.groupName)],
    );
    return added.rows;
  });
}
