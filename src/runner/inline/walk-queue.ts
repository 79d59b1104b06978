import type { Walk } from '../../postgres/stage/walk.ts';

/**
 * Walks that wait, the longest expected first: a chain of pages cannot be sped up, so the long
 * ones must not begin last. One of unknown length may be the longest, and so goes first.
 */
export class WalkQueue {
  readonly #walks: Walk[] = [];

  get size(): number {
    return this.#walks.length;
  }

  add(walks: readonly Walk[]): void {
    this.#walks.push(...walks);
    // Shortest first, as the queue is taken from its end.
    this.#walks.sort((a, b) => remaining(a) - remaining(b));
  }

  take(): Walk | undefined {
    return this.#walks.pop();
  }
}

function remaining(walk: Walk): number {
  // The walk over groups finds the others: nothing may go before it.
  if (walk.kind === 'groups') return Number.POSITIVE_INFINITY;
  if (walk.expected === null) return Number.MAX_VALUE;
  return walk.expected - walk.items;
}
