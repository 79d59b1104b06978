import type pg from 'pg';
import { ResumableError, SnapshotFailedError } from '../../model/errors.ts';
import { type PoolRows, settleDrift } from '../drift.ts';
import { requireStage } from '../require-stage.ts';
import { fenced, type Run } from '../run.ts';
import { publishGroups } from './publish-groups.ts';
import { publishMemberships } from './publish-memberships.ts';
import { publishUsers, type UserChanges } from './publish-users.ts';

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
  run: Run,
  from: 'walking' | 'held',
  signal?: AbortSignal,
): Promise<UserChanges> {
  return fenced(
    pool,
    run,
    [from],
    async (client) => {
      await requireBase(client, run);
      await requireStage(client, run);
      const users = await publishUsers(client, run, await requireRows(client, run, from));
      await publishGroups(client, run);
      await publishMemberships(client, run);
      await client.query(
        `UPDATE directory.snapshots SET state = 'published', reason = NULL,
           published_at = clock_timestamp(), added = $3, modified = $4, removed = $5, repaired = $6
         WHERE pool_id = $1 AND snapshot_at = $2`,
        [run.poolId, run.snapshotAt, users.added, users.modified, users.removed, users.repaired],
      );
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
  run: Run,
  from: 'walking' | 'held',
): Promise<PoolRows> {
  const { before, unstaged } = await settleDrift(client, run, 1);
  if (unstaged.length === 0) return before;
  const what = `Rows of directory.users of ${run.poolId} were changed by something other than cognito-mirror`;
  throw from === 'held'
    ? new SnapshotFailedError(
        `${what} after the held snapshot was checked. Discard it: the next snapshot repairs them.`,
      )
    : new ResumableError(
        `${what} while its snapshot was published. Run it again: it repairs them.`,
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
