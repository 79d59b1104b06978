import { keepAlive, suspects } from '../postgres/stage/suspects.ts';
import type { SnapshotContext } from './context.ts';
import { findAlive } from './look-up.ts';

/** Suspects that are asked after at most; of more, these are chosen by hash. */
const MOST_LOOK_UPS = 1000;

/** Where more than this part of them is alive, the walks lost users, and nobody was removed. */
const TOLERATED_ALIVE = 0.01;

/**
 * Asks the service after the users that no walk saw. Those that are alive keep their rows.
 *
 * @returns why the snapshot must be held, or null.
 */
export async function confirmRemovals(
  context: SnapshotContext,
  signal: AbortSignal,
): Promise<string | null> {
  const { count, chosen } = await suspects(context.db, context.run, MOST_LOOK_UPS);
  if (count === 0) return null;
  context.progress.note = `asking after ${chosen.length} of ${count} users that no walk saw`;
  const alive = await findAlive(context, chosen, signal);
  await keepAlive(context.db, context.run, alive);
  context.progress.note = null;
  if (alive.length <= chosen.length * TOLERATED_ALIVE) return null;
  return (
    `${alive.length} of ${chosen.length} users that no walk saw are alive by AdminGetUser: ` +
    'the listing lost users.'
  );
}
