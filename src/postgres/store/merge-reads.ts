import type pg from 'pg';
import { SnapshotFailedError } from '../../model/errors.ts';
import { rowCount } from '../connection.ts';
import { type SnapshotLease, withLease } from './leases.ts';
import { assertStageExists, type StageTables, stageTables } from './stage.ts';
import { READING_STATES } from './states.ts';

/**
 * Reduces the stage to one row for each user, group and membership. It deletes rows of earlier attempts
 * and of replaced walks, and memberships of deleted groups. Of a user that was read twice it keeps the row
 * with the greater `modified_at`, then the later read. Repeating this changes nothing.
 *
 * @throws SnapshotFailedError if a walk is still open: the snapshot would be incomplete.
 */
export async function mergeReads(
  pool: pg.Pool,
  lease: SnapshotLease,
  signal: AbortSignal,
): Promise<void> {
  const t = stageTables(lease.stage);
  await withLease(
    pool,
    lease,
    READING_STATES,
    async (client) => {
      await assertWalksEnded(client, lease, t);
      for (const table of [t.users, t.groups, t.memberships]) {
        await client.query(
          `DELETE FROM ${table} AS s USING ${t.walks} AS w
           WHERE w.id = s.walk AND (w.state <> 'done' OR w.attempt <> s.attempt)`,
        );
      }
      await keepBest(client, t.users, 'username', 'modified_at DESC NULLS LAST, read_at DESC');
      await keepBest(client, t.groups, 'group_name', 'read_at DESC');
      await keepBest(client, t.memberships, 'group_name, username', 'read_at DESC');
      await client.query(
        `DELETE FROM ${t.groups} AS g USING ${t.walks} AS w
         WHERE w.kind = 'members' AND w.state = 'dropped' AND w.group_name = g.group_name`,
      );
      await client.query(
        `DELETE FROM ${t.memberships} AS m
         WHERE NOT EXISTS (SELECT FROM ${t.groups} AS g WHERE g.group_name = m.group_name)`,
      );
      // Statistics for the columns in joins and conditions of publishing.
      await client.query(
        `CREATE INDEX IF NOT EXISTS stage_${lease.stage}_users_key ON ${t.users} (username);
         CREATE INDEX IF NOT EXISTS stage_${lease.stage}_memberships_key
           ON ${t.memberships} (group_name, username);
         ANALYZE ${t.users} (username, attributes), ${t.groups},
           ${t.memberships} (group_name, username)`,
      );
    },
    signal,
  );
}

async function assertWalksEnded(
  client: pg.PoolClient,
  lease: SnapshotLease,
  t: StageTables,
): Promise<void> {
  await assertStageExists(client, lease);
  const open = await client.query(`SELECT FROM ${t.walks} WHERE state = 'open'`);
  if (rowCount(open) === 0) return;
  throw new SnapshotFailedError(
    `The snapshot of ${lease.poolId} is incomplete: ${rowCount(open)} of its walks have not ended.`,
  );
}

/** Keeps the first row of each key in the order. Keys with one row, which are most, are not sorted. */
async function keepBest(
  client: pg.PoolClient,
  table: string,
  key: string,
  order: string,
): Promise<void> {
  await client.query(
    `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(
       SELECT ranked.id FROM (
         SELECT s.ctid AS id, row_number() OVER (PARTITION BY ${key} ORDER BY ${order}) AS place
         FROM ${table} AS s
         WHERE (${key}) IN (SELECT ${key} FROM ${table} GROUP BY ${key} HAVING count(*) > 1)
       ) AS ranked
       WHERE ranked.place > 1
     ))`,
  );
}
