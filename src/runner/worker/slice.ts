import type { Queue } from 'bullmq';

/** A walk keeps its slot this long at least, and as long as nobody else waits for one. */
const SLICE_MS = 15_000;

/**
 * Fires `pause` when a job has had its slot for a while and others wait for one, so that pools
 * share the workers.
 */
export function pauseWhenOthersWait(queue: Queue): { pause: AbortSignal; end(): void } {
  const controller = new AbortController();
  const timer = setInterval(() => {
    void Promise.all([queue.getWaitingCount(), queue.getPrioritizedCount()]).then(
      ([waiting, prioritized]) => {
        if (waiting + prioritized > 0) controller.abort();
      },
      () => {},
    );
  }, SLICE_MS);
  return { pause: controller.signal, end: () => clearInterval(timer) };
}
