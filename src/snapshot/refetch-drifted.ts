import type pg from 'pg';
import { settleDrift } from '../postgres/store/drift.ts';
import { fenced } from '../postgres/store/leases.ts';
import { restageUsers } from '../postgres/store/missing.ts';
import { restartUserWalks, type Walk } from '../postgres/store/walks.ts';
import { lookUp, MOST_LOOK_UPS } from './confirm-users.ts';
import type { SnapshotContext } from './context.ts';

/**
 * Fetches the users again whose row in `directory.users` was changed after the snapshot had staged
 * them as unchanged: one by one where they are few, else by reading all users again.
 *
 * @returns the walks that must be made first; none where the users were fetched, or none drifted.
 */
export async function restageDrifted(
  context: SnapshotContext,
  signal: AbortSignal,
): Promise<Walk[]> {
  const { db, run, log, progress } = context;
  const settle = (client: pg.PoolClient) => settleDrift(client, run, MOST_LOOK_UPS + 1);
  const { unstaged } = await fenced(db, run, ['walking'], settle, signal);
  if (unstaged.length === 0) return [];
  log.warn(
    { poolId: run.poolId, rows: unstaged.length },
    'rows of directory.users were changed while the snapshot was read: fetching these users again',
  );
  if (unstaged.length > MOST_LOOK_UPS) {
    const walks = await fenced(db, run, ['walking'], (client) => restartUserWalks(client, run));
    Object.assign(progress.walks.users, { items: 0, walksDone: 0 });
    return walks;
  }
  const found = await lookUp(context, unstaged, signal);
  await fenced(db, run, ['walking'], (client) => restageUsers(client, run, found));
  return [];
}
