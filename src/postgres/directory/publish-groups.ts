import type pg from 'pg';
import type { Run } from '../run.ts';
import { stageTables } from '../stage-tables.ts';

const COLUMNS = 'group_name, description, role_arn, precedence, created_at, modified_at, escaped';
const of = (table: string) => COLUMNS.replaceAll(/\w+/g, `${table}.$&`);

/** Makes the staged groups the current ones, within the publication's transaction. */
export async function publishGroups(client: pg.PoolClient, run: Run): Promise<void> {
  const t = stageTables(run.stage);
  const key = [run.poolId, run.snapshotAt];
  await client.query(
    `WITH gone AS (
       DELETE FROM directory.groups AS c
       WHERE c.pool_id = $1
         AND NOT EXISTS (SELECT FROM ${t.groups} AS s WHERE s.group_name = c.group_name)
       RETURNING c.*
     )
     INSERT INTO directory.group_history (pool_id, ${COLUMNS}, valid_from, valid_to)
     SELECT $1, ${of('gone')}, gone.valid_from, $2 FROM gone
     ON CONFLICT DO NOTHING`,
    key,
  );
  await client.query(
    `WITH changed AS MATERIALIZED (
       SELECT c.group_name FROM directory.groups AS c
       JOIN ${t.groups} AS s ON s.group_name = c.group_name
       WHERE c.pool_id = $1 AND (${of('c')}) IS DISTINCT FROM (${of('s')})
     ), closed AS (
       INSERT INTO directory.group_history (pool_id, ${COLUMNS}, valid_from, valid_to)
       SELECT c.pool_id, ${of('c')}, c.valid_from, $2
       FROM directory.groups AS c
       JOIN changed USING (group_name)
       WHERE c.pool_id = $1
       ON CONFLICT DO NOTHING
     )
     UPDATE directory.groups AS c SET (${COLUMNS}, valid_from) = ROW (${of('s')}, $2::timestamptz)
     FROM ${t.groups} AS s
     JOIN changed USING (group_name)
     WHERE c.pool_id = $1 AND c.group_name = s.group_name`,
    key,
  );
  await client.query(
    `INSERT INTO directory.groups (pool_id, ${COLUMNS}, valid_from)
     SELECT $1, ${of('s')}, $2 FROM ${t.groups} AS s
     WHERE NOT EXISTS (
       SELECT FROM directory.groups AS c WHERE c.pool_id = $1 AND c.group_name = s.group_name
     )
     ORDER BY s.group_name`,
    key,
  );
}
