import type pg from 'pg';
import { SnapshotFailedError } from '../../model/errors.ts';
import { transaction } from '../connection.ts';
import { holdRun, type Run } from '../run.ts';
import { stageTables } from '../stage-tables.ts';
import { publishGroups } from './publish-groups.ts';
import { publishMemberships } from './publish-memberships.ts';
import { publishUsers, type UserChanges } from './publish-users.ts';

/**
 * Makes a checked stage the pool's current state: users, groups, memberships and their histories
 * move from one snapshot to the next in one transaction of any size.
 *
 * @param from the state that the snapshot must be in: walking, or held where a person releases it.
 * @throws FencedError where another runner has the snapshot.
 * @throws SnapshotFailedError where the stage cannot be published: it was compared with a snapshot
 *   that is no longer the current one, or a crash of Postgres emptied it.
 */
export async function publish(
  pool: pg.Pool,
  run: Run,
  from: 'walking' | 'held',
  signal?: AbortSignal,
): Promise<UserChanges> {
  return transaction(
    pool,
    async (client) => {
      await client.query('SET LOCAL statement_timeout = 0');
      await holdRun(client, run, [from]);
      await requireBase(client, run);
      await requireStage(client, run);
      const users = await publishUsers(client, run);
      await publishGroups(client, run);
      await publishMemberships(client, run);
      await client.query(
        `UPDATE directory.snapshots SET state = 'published', reason = NULL,
           published_at = clock_timestamp(), added = $3, modified = $4, removed = $5
         WHERE pool_id = $1 AND snapshot_at = $2`,
        [run.poolId, run.snapshotAt, users.added, users.modified, users.removed],
      );
      return users;
    },
    signal,
  );
}

/** Unchanged users are staged as key and hash alone, which says nothing against another state. */
async function requireBase(client: pg.PoolClient, run: Run): Promise<void> {
  const current = await client.query<{ same: boolean }>(
    `SELECT max(snapshot_at) IS NOT DISTINCT FROM $2 AS same FROM directory.snapshots
     WHERE pool_id = $1 AND state IN ('published', 'archived')`,
    [run.poolId, run.baseAt],
  );
  if (!current.rows[0]?.same) {
    throw new SnapshotFailedError(
      `A later snapshot of ${run.poolId} was published meanwhile; this one no longer follows on the current state. Discard it.`,
    );
  }
}

async function requireStage(client: pg.PoolClient, run: Run): Promise<void> {
  const walks = await client.query<{ complete: boolean }>(
    `SELECT count(*) > 0 AND bool_and(state <> 'open') AS complete
     FROM ${stageTables(run.stage).walks}`,
  );
  if (!walks.rows[0]?.complete) {
    throw new SnapshotFailedError(
      `What the snapshot of ${run.poolId} had read is gone: Postgres was restarted after a crash. Take a new snapshot.`,
    );
  }
}
