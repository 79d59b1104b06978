import type pg from 'pg';
import type { Run } from '../run.ts';
import { stageTables } from '../stage-tables.ts';

/**
 * Makes the staged memberships the current ones, within the publication's transaction. A suspect
 * that was found alive keeps its memberships in the groups that there still are.
 */
export async function publishMemberships(client: pg.PoolClient, run: Run): Promise<void> {
  const t = stageTables(run.stage);
  const key = [run.poolId, run.snapshotAt];
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
           SELECT FROM ${t.alive} AS a JOIN ${t.groups} AS g ON g.group_name = c.group_name
           WHERE a.username = c.username
         )
       RETURNING c.*
     )
     INSERT INTO directory.membership_history (pool_id, group_name, username, sub, valid_from, valid_to)
     SELECT $1, group_name, username, sub, valid_from, $2 FROM gone
     ON CONFLICT DO NOTHING`,
    key,
  );
  await client.query(
    `INSERT INTO directory.memberships (pool_id, group_name, username, sub, valid_from)
     SELECT $1, s.group_name, s.username, s.sub, $2 FROM ${t.memberships} AS s
     WHERE NOT EXISTS (
       SELECT FROM directory.memberships AS c
       WHERE c.pool_id = $1 AND c.group_name = s.group_name AND c.username = s.username
     )
     ORDER BY s.group_name, s.username`,
    key,
  );
}
