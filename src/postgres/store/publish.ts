import type pg from 'pg';
import { ResumableError, SnapshotFailedError } from '../../model/errors.ts';
import type { Queryable } from '../connection.ts';
import { findUnstagedDrift, type PoolRows } from './drift.ts';
import { type SnapshotLease, withLease } from './leases.ts';
import { publishGroups, publishMemberships } from './publish-groups.ts';
import { type PublishedSettings, publishSettings } from './publish-settings.ts';
import { publishUsers, type UserChanges } from './publish-users.ts';
import { assertStageExists } from './stage.ts';
import { PUBLISHED_STATES } from './states.ts';
import { saveStatusCounts } from './status-counts.ts';
import { markPublished, type PublishableState } from './transitions.ts';

/** What a publication changed. */
export interface Published {
  readonly users: UserChanges;
  /** Null: the snapshot keeps no settings. */
  readonly settings: PublishedSettings | null;
}

/**
 * Makes a checked stage the pool's current state: users, groups, memberships, settings and their histories
 * move from one snapshot to the next in one transaction of any size.
 *
 * @param from the state that the snapshot must be in: `held` when a person releases it.
 * @throws LeaseLostError if another runner has the snapshot.
 * @throws SnapshotFailedError if the stage was compared with a snapshot that is no longer current.
 * @throws ResumableError if a crash of Postgres emptied the stage, or rows of `directory.users`
 *   changed after the check.
 */
export async function publish(
  pool: pg.Pool,
  lease: SnapshotLease,
  from: PublishableState,
  signal?: AbortSignal,
): Promise<Published> {
  return withLease(
    pool,
    lease,
    [from],
    async (client) => {
      await assertStillCurrent(client, lease);
      await assertStageExists(client, lease);
      const users = await publishUsers(client, lease, await assertDriftStaged(client, lease, from));
      await publishGroups(client, lease);
      await publishMemberships(client, lease);
      await saveStatusCounts(client, lease);
      const settings = await publishSettings(client, lease);
      await markPublished(client, lease, users, settings);
      return { users, settings };
    },
    signal,
  );
}

/** Unchanged users are staged without content, which is valid only against the snapshot compared with. */
async function assertStillCurrent(client: pg.PoolClient, lease: SnapshotLease): Promise<void> {
  const current = await client.query<{ same: boolean }>(
    `SELECT max(snapshot_at) IS NOT DISTINCT FROM $2 AS same FROM directory.snapshots
     WHERE pool_id = $1 AND state IN ${PUBLISHED_STATES}`,
    [lease.poolId, lease.comparedWith],
  );
  if (!current.rows[0]?.same) {
    throw new SnapshotFailedError(
      `A later snapshot of ${lease.poolId} was published, so this one cannot follow the current state. Discard it.`,
    );
  }
}

/**
 * Requires that drifted rows are staged with content, as the check of the snapshot arranges.
 *
 * @returns the pool's rows, with drift marked.
 */
async function assertDriftStaged(
  client: pg.PoolClient,
  lease: SnapshotLease,
  from: PublishableState,
): Promise<PoolRows> {
  const { before, unstaged } = await findUnstagedDrift(client, lease, 1);
  if (unstaged.length === 0) return before;
  const changed = `Something other than cognito-mirror changed rows of directory.users of ${lease.poolId}`;
  throw from === 'held'
    ? new SnapshotFailedError(
        `${changed} after the held snapshot was checked. Discard it: the next snapshot repairs the rows.`,
      )
    : new ResumableError(
        `${changed} while its snapshot was published. Run it again: it repairs the rows.`,
      );
}

/**
 * Updates the planner's statistics after a publication. With those of an empty table, the planner would
 * sort a whole pool to return it in key order. This covers the columns of keys; autovacuum, a minute
 * later, covers the rest.
 */
export async function analyzeKeys(db: Queryable): Promise<void> {
  await db.query(`ANALYZE directory.users (pool_id, username, valid_from),
    directory.memberships (pool_id, group_name, username, valid_from)`);
}
