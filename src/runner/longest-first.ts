import type { Walk } from '../postgres/stage/walk.ts';

/**
 * Orders walks, the longest expected first: a chain of pages cannot be sped up, so the long ones
 * must not begin last. One of unknown length may be the longest, and so goes first.
 */
export function compareRemaining(a: Walk, b: Walk): number {
  return remaining(b) - remaining(a);
}

function remaining(walk: Walk): number {
  // The walk over groups finds the others: nothing may go before it.
  if (walk.kind === 'groups') return Number.MAX_VALUE;
  if (walk.expected === null) return Number.MAX_SAFE_INTEGER;
  return walk.expected - walk.items;
}
