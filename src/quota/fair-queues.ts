import type { BucketUsage } from '../telemetry/metrics-load.ts';
import { type BucketId, FairQueue } from './fair-queue.ts';
import type { LimiterBackend } from './limiter.ts';

/**
 * The fair queues of this process, one for each bucket. Throttling slows a bucket down in every
 * process that shares it.
 */
export class FairQueues {
  readonly #backend: LimiterBackend;
  readonly #queues = new Map<string, FairQueue>();

  constructor(backend: LimiterBackend) {
    this.#backend = backend;
    backend.onThrottling((name) => this.#queues.get(name)?.slowDown.recordThrottling());
  }

  /** The queue of a bucket. The first call opens it and sets its rate and its outer queue. */
  open(id: BucketId, rate: number, outer: FairQueue | null = null): FairQueue {
    const name = formatId(id);
    let queue = this.#queues.get(name);
    if (!queue) {
      queue = new FairQueue(id, rate, this.#backend.openLimiter(name, rate), outer);
      this.#queues.set(name, queue);
    }
    return queue;
  }

  /** Slows a bucket down: in this process at once, in the others soon. */
  slowDown(queue: FairQueue): void {
    queue.slowDown.recordThrottling();
    this.#backend.broadcastThrottling(formatId(queue.id));
  }

  usages(): BucketUsage[] {
    return [...this.#queues.values()].map(({ id, released, allowed, waiting }) => ({
      ...id,
      rate: released.rate,
      allowed,
      waiting,
    }));
  }

  /** Rejects all waiters. */
  async close(): Promise<void> {
    await Promise.all([...this.#queues.values()].map((queue) => queue.close()));
    await this.#backend.close();
  }
}

function formatId({ scope, bucket }: BucketId): string {
  return `${scope}/${bucket}`;
}
