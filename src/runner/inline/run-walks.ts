import type { Walk } from '../../postgres/stage/walk.ts';
import type { SnapshotContext } from '../../snapshot/context.ts';
import { remainingOf } from '../../snapshot/remaining.ts';
import { walk } from '../../snapshot/walk.ts';
import { WalkQueue } from './walk-queue.ts';

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
  const queue = new WalkQueue((each) => remainingOf(each, context));
  queue.add(walks);
  const inHand = new Set<Promise<void>>();
  const failed = new AbortController();
  const stop = AbortSignal.any([signal, failed.signal]);
  const make = async (next: Walk) => {
    try {
      queue.add(await walk(context, next.id, stop));
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
