import type { Walk } from '../postgres/stage/walk.ts';
import type { SnapshotContext } from './context.ts';

/**
 * How many items a walk is expected to have before it: the chain that is longest must begin first,
 * and wait least, as it cannot be sped up. One of unknown length may hold the whole pool.
 */
export function remainingOf(
  walk: Walk,
  { pool, progress }: Pick<SnapshotContext, 'pool' | 'progress'>,
): number {
  // The walk over groups finds the others: nothing may go before it.
  if (walk.kind === 'groups') return Number.MAX_SAFE_INTEGER;
  const users = progress.walks.users.expected ?? pool.estimatedUsers;
  return Math.max((walk.expected ?? users) - walk.items, 0);
}
