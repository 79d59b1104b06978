import type { Walk } from '../../postgres/stage/walk.ts';
import { compareRemaining } from '../longest-first.ts';

/** Walks that wait, the longest expected first. */
export class WalkQueue {
  readonly #walks: Walk[] = [];

  get size(): number {
    return this.#walks.length;
  }

  add(walks: readonly Walk[]): void {
    this.#walks.push(...walks);
    // Shortest first, as the queue is taken from its end.
    this.#walks.sort((a, b) => compareRemaining(b, a));
  }

  take(): Walk | undefined {
    return this.#walks.pop();
  }
}
