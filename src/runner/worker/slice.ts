import type { Job, Queue } from 'bullmq';

/** A walk keeps its slot this long at least, and as long as nobody else is to have it. */
const SLICE_MS = 15_000;

/**
 * Fires `pause` when a job has had its slot for a while and one of the same or a better priority
 * waits for one, so that pools share the workers. One of a lower priority would wait on: the paused
 * job would come before it again.
 */
export function pauseWhenOthersWait(queue: Queue, job: Job): { pause: AbortSignal; end(): void } {
  const controller = new AbortController();
  const mayGoOn = async () => {
    const [next] = await queue.getPrioritized(0, 0);
    return next === undefined || next.priority > job.priority;
  };
  const timer = setInterval(() => {
    // Where Redis does not tell, it goes on.
    mayGoOn().then(
      (may) => may || controller.abort(),
      () => {},
    );
  }, SLICE_MS);
  return { pause: controller.signal, end: () => clearInterval(timer) };
}
