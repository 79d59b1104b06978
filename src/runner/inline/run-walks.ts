import type { Walk } from '../../postgres/store/walks.ts';
import type { SnapshotContext } from '../../snapshot/context.ts';
import { estimateRemaining } from '../../snapshot/plan-walks.ts';
import { runWalk } from '../../snapshot/run-walk.ts';

/**
 * Makes walks side by side, and the walks that they find to be needed, until none is left. The
 * first failure stops the others, which keep what they committed.
 *
 * @param sideBySide walks in hand at a time.
 */
export async function runWalks(
  context: SnapshotContext,
  walks: readonly Walk[],
  sideBySide: number,
  signal: AbortSignal,
): Promise<void> {
  const queue = new WalkQueue((each) => estimateRemaining(each, context));
  queue.add(walks);
  const inHand = new Set<Promise<void>>();
  const failed = new AbortController();
  const stop = AbortSignal.any([signal, failed.signal]);
  const make = async (next: Walk) => {
    try {
      queue.add(await runWalk(context, next.id, stop));
    } catch (error) {
      failed.abort(error);
    }
  };
  while (!stop.aborted && (queue.size > 0 || inHand.size > 0)) {
    while (inHand.size < sideBySide) {
      const next = queue.take();
      if (next === undefined) break;
      const made = make(next).finally(() => inHand.delete(made));
      inHand.add(made);
    }
    await Promise.race(inHand);
  }
  await Promise.all(inHand);
  stop.throwIfAborted();
}

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
