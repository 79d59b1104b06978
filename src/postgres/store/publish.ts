import type pg from 'pg';
import { ResumableError, SnapshotFailedError } from '../../model/errors.ts';
import { type PoolRows, settleDrift } from './drift.ts';
import { type SnapshotLease, withLease } from './leases.ts';
import { publishUsers, type UserChanges } from './publish-users.ts';
import { assertStageExists, stageTables } from './stage.ts';
import { PUBLISHED_STATES } from './states.ts';
import { markPublished, type PublishableState } from './transitions.ts';

/**
 * Makes a checked stage the pool's current state: users, groups, memberships and their histories
 * move from one snapshot to the next in one transaction of any size.
 *
 * @param from the state that the snapshot must be in: walking, or held where a person releases it.
 * @throws FencedError where another runner has the snapshot.
 * @throws SnapshotFailedError where the stage was compared with a snapshot that is no longer current.
 * @throws ResumableError where a crash of Postgres emptied the stage, or rows of `directory.users`
 *   were changed after the check.
 */
export async function publish(
  pool: pg.Pool,
  lease: SnapshotLease,
  from: PublishableState,
  signal?: AbortSignal,
): Promise<UserChanges> {
  return withLease(
    pool,
    lease,
    [from],
    async (client) => {
      await requireBase(client, lease);
      await assertStageExists(client, lease);
      const users = await publishUsers(client, lease, await requireRows(client, lease, from));
      await publishGroups(client, lease);
      await publishMemberships(client, lease);
      await markPublished(client, lease, users);
      return users;
    },
    signal,
  );
}

/**
 * Requires that rows which drifted are staged with content, as the check of the snapshot saw to.
 *
 * @returns the pool's rows, with drift marked.
 */
async function requireRows(
  client: pg.PoolClient,
  lease: SnapshotLease,
  from: PublishableState,
): Promise<PoolRows> {
  const { before, unstaged } = await settleDrift(client, lease, 1);
  if (unstaged.length === 0) return before;
  const what = `Rows of directory.users of ${lease.poolId} were changed by something other than cognito-mirror`;
  throw from === 'held'
    ? new SnapshotFailedError(
        `${what} after the held snapshot was checked. Discard it: the next snapshot repairs them.`,
      )
    : new ResumableError(
        `${what} while its snapshot was published. Run it again: it repairs them.`,
      );
}

/** Unchanged users are staged as key and hash alone, which says nothing against another state. */
async function requireBase(client: pg.PoolClient, lease: SnapshotLease): Promise<void> {
  const current = await client.query<{ same: boolean }>(
    `SELECT max(snapshot_at) IS NOT DISTINCT FROM $2 AS same FROM directory.snapshots
     WHERE pool_id = $1 AND state IN ${PUBLISHED_STATES}`,
    [lease.poolId, lease.comparedWith],
  );
  if (!current.rows[0]?.same) {
    throw new SnapshotFailedError(
      `A later snapshot of ${lease.poolId} was published meanwhile; this one no longer follows on the current state. Discard it.`,
    );
  }
}

const COLUMNS = 'group_name, description, role_arn, precedence, created_at, modified_at, escaped';
const of = (table: string) => COLUMNS.replaceAll(/\w+/g, `${table}.$&`);

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

/**
 * Makes the staged memberships the current ones, within the publication's transaction. A suspect
 * that was found alive keeps its memberships in the groups that there still are.
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
