import type { Walk } from '../../postgres/stage/walk.ts';

/** Walks that wait, those first that have most before them. */
export class WalkQueue {
  readonly #remaining: (walk: Walk) => number;
  readonly #walks: Walk[] = [];

  constructor(remaining: (walk: Walk) => number) {
    this.#remaining = remaining;
  }

  get size(): number {
    return this.#walks.length;
  }

  add(walks: readonly Walk[]): void {
    this.#walks.push(...walks);
    // Shortest first, as the queue is taken from its end.
    this.#walks.sort((a, b) => this.#remaining(a) - this.#remaining(b));
  }

  take(): Walk | undefined {
    return this.#walks.pop();
  }
}
