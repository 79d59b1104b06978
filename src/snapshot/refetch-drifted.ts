import type pg from 'pg';
import { findUnstagedDrift } from '../postgres/store/drift.ts';
import { withLease } from '../postgres/store/leases.ts';
import { restageUsers } from '../postgres/store/missing.ts';
import { restartUserWalks } from '../postgres/store/replace-walks.ts';
import { READING_STATES } from '../postgres/store/states.ts';
import type { Walk } from '../postgres/store/walks.ts';
import { fetchUsers, MAX_CONFIRMATIONS } from './confirm-users.ts';
import type { SnapshotContext } from './context.ts';

/**
 * Fetches users again whose row in `directory.users` drifted after the snapshot had staged them as
 * unchanged: one by one if they are few, else by reading all users again.
 *
 * @returns the walks to read first; empty if the check can continue.
 */
export async function refetchDrifted(
  context: SnapshotContext,
  signal: AbortSignal,
): Promise<Walk[]> {
  const { db, lease, log, progress } = context;
  const find = (client: pg.PoolClient) => findUnstagedDrift(client, lease, MAX_CONFIRMATIONS + 1);
  const { unstaged } = await withLease(db, lease, READING_STATES, find, signal);
  if (unstaged.length === 0) return [];
  log.warn(
    { poolId: lease.poolId, rows: unstaged.length },
    'rows of directory.users changed while the snapshot was read: fetching these users again',
  );
  if (unstaged.length > MAX_CONFIRMATIONS) {
    const walks = await withLease(db, lease, READING_STATES, (client) =>
      restartUserWalks(client, lease),
    );
    Object.assign(progress.walks.users, { items: 0, walksDone: 0 });
    return walks;
  }
  const found = await fetchUsers(context, unstaged, signal);
  await withLease(db, lease, READING_STATES, (client) => restageUsers(client, lease, found));
  return [];
}
