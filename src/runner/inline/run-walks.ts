import type { Walk } from '../../postgres/store/walks.ts';
import type { Buckets } from '../../quota/buckets.ts';
import type { SnapshotContext } from '../../snapshot/context.ts';
import { type ExpectedSizes, estimateRemaining } from '../../snapshot/expected-sizes.ts';
import { runWalk } from '../../snapshot/run-walk.ts';

/**
 * Many more than keep the bucket busy, because it serves the longest walks first. A group of unknown
 * size may be the longest and must start before the shards, which fill any number of places. But a
 * resumed run may have to restart every walk that was being read, so the number is bounded.
 */
function countWalksSideBySide(buckets: Buckets): number {
  return Math.min(40, Math.max(16, Math.ceil(buckets.usage('UserList').allowed * 2)));
}

/**
 * Reads walks side by side, and the walks that they find, until all are read. The first failure stops
 * the others, which keep what they committed.
 *
 * @param buckets those of the pool's account and Region.
 */
export async function runWalks(
  context: SnapshotContext,
  walks: readonly Walk[],
  buckets: Buckets,
  signal: AbortSignal,
): Promise<void> {
  const concurrency = countWalksSideBySide(buckets);
  const queue = new WalkQueue(context.expected);
  queue.add(walks);
  const running = new Set<Promise<void>>();
  const failed = new AbortController();
  const stop = AbortSignal.any([signal, failed.signal]);
  const run = async (walk: Walk) => {
    try {
      queue.add(await runWalk(context, walk.id, stop));
    } catch (error) {
      failed.abort(error);
    }
  };
  while (!stop.aborted && (queue.size > 0 || running.size > 0)) {
    while (running.size < concurrency) {
      const next = queue.take();
      if (next === undefined) break;
      const read = run(next).finally(() => running.delete(read));
      running.add(read);
    }
    await Promise.race(running);
  }
  await Promise.all(running);
  stop.throwIfAborted();
}

/** Waiting walks; the one with the most items left is taken first. */
class WalkQueue {
  readonly #expected: ExpectedSizes;
  readonly #walks: Walk[] = [];

  constructor(expected: ExpectedSizes) {
    this.#expected = expected;
  }

  get size(): number {
    return this.#walks.length;
  }

  add(walks: readonly Walk[]): void {
    this.#walks.push(...walks);
    // Shortest first, because walks are taken from the end.
    const remaining = (walk: Walk) => estimateRemaining(walk, this.#expected);
    this.#walks.sort((a, b) => remaining(a) - remaining(b));
  }

  take(): Walk | undefined {
    return this.#walks.pop();
  }
}
