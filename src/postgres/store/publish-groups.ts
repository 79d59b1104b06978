import type pg from 'pg';
import { listWritten } from './columns.ts';
import type { SnapshotLease } from './leases.ts';
import { stageTables } from './stage.ts';

const GROUP_COLUMNS = listWritten('groups');

/** Makes the staged groups the current ones, within the publication's transaction. */
export async function publishGroups(client: pg.PoolClient, lease: SnapshotLease): Promise<void> {
  const t = stageTables(lease.stage);
  const key = [lease.poolId, lease.snapshotAt];
  await client.query(
    `WITH gone AS (
       DELETE FROM directory.groups AS c
       WHERE c.pool_id = $1
         AND NOT EXISTS (SELECT FROM ${t.groups} AS s WHERE s.group_name = c.group_name)
       RETURNING c.*
     )
     INSERT INTO directory.group_history (pool_id, ${GROUP_COLUMNS}, valid_from, valid_to)
     SELECT $1, ${GROUP_COLUMNS}, valid_from, $2 FROM gone
     ON CONFLICT DO NOTHING`,
    key,
  );
  const [c, s] = [listWritten('groups', 'c'), listWritten('groups', 's')];
  await client.query(
    `WITH changed AS MATERIALIZED (
       SELECT c.group_name FROM directory.groups AS c
       JOIN ${t.groups} AS s ON s.group_name = c.group_name
       WHERE c.pool_id = $1 AND (${c}) IS DISTINCT FROM (${s})
     ), closed AS (
       INSERT INTO directory.group_history (pool_id, ${GROUP_COLUMNS}, valid_from, valid_to)
       SELECT c.pool_id, ${c}, c.valid_from, $2
       FROM directory.groups AS c
       JOIN changed USING (group_name)
       WHERE c.pool_id = $1
       ON CONFLICT DO NOTHING
     )
     UPDATE directory.groups AS c SET (${GROUP_COLUMNS}, valid_from) = ROW (${s}, $2::timestamptz)
     FROM ${t.groups} AS s
     JOIN changed USING (group_name)
     WHERE c.pool_id = $1 AND c.group_name = s.group_name`,
    key,
  );
  await client.query(
    `INSERT INTO directory.groups (pool_id, ${GROUP_COLUMNS}, valid_from)
     SELECT $1, ${s}, $2 FROM ${t.groups} AS s
     WHERE NOT EXISTS (
       SELECT FROM directory.groups AS c WHERE c.pool_id = $1 AND c.group_name = s.group_name
     )
     ORDER BY s.group_name`,
    key,
  );
}

const MEMBERSHIP_COLUMNS = listWritten('memberships');

/**
 * Makes the staged memberships the current ones, within the publication's transaction. A missing user
 * that was confirmed keeps its memberships in groups that still exist.
 */
export async function publishMemberships(
  client: pg.PoolClient,
  lease: SnapshotLease,
): Promise<void> {
  const t = stageTables(lease.stage);
  const key = [lease.poolId, lease.snapshotAt];
  await client.query(
    `WITH gone AS (
       DELETE FROM directory.memberships AS c
       WHERE c.pool_id = $1
         AND NOT EXISTS (
           SELECT FROM ${t.memberships} AS s
           WHERE s.group_name = c.group_name AND s.username = c.username
             AND s.sub IS NOT DISTINCT FROM c.sub
         )
         AND NOT EXISTS (
           SELECT FROM ${t.confirmed} AS a JOIN ${t.groups} AS g ON g.group_name = c.group_name
           WHERE a.username = c.username
         )
       RETURNING c.*
     )
     INSERT INTO directory.membership_history (pool_id, ${MEMBERSHIP_COLUMNS}, valid_from, valid_to)
     SELECT $1, ${MEMBERSHIP_COLUMNS}, valid_from, $2 FROM gone
     ON CONFLICT DO NOTHING`,
    key,
  );
  await client.query(
    `INSERT INTO directory.memberships (pool_id, ${MEMBERSHIP_COLUMNS}, valid_from)
     SELECT $1, ${listWritten('memberships', 's')}, $2 FROM ${t.memberships} AS s
     WHERE NOT EXISTS (
       SELECT FROM directory.memberships AS c
       WHERE c.pool_id = $1 AND c.group_name = s.group_name AND c.username = s.username
     )
     ORDER BY s.group_name, s.username`,
    key,
  );
}
