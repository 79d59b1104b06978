import { setMaxListeners } from 'node:events';
import type { FairQueue } from './fair-queue.ts';
import type { FairQueues } from './fair-queues.ts';
import { BUCKET_OF, type BucketName, isWrite, type Operation, PER_POOL_RPS } from './quotas.ts';

/** The buckets of one account and Region. All pools share them. */
export interface Buckets {
  /**
   * Waits for a permit of the operation's bucket, then runs the attempt and settles as it does. In
   * any sliding second at most ⌈allowed rate⌉ + 1 attempts are released (invariant 6). Pools are
   * served in turn. While it waits, an abort rejects at once with `signal.reason`, and a `close`
   * with InterruptedError.
   *
   * @param poolId selects the bucket if the quota is per pool.
   * @param priority among the waiting attempts of one pool, the highest goes first. Default 0.
   */
  run<T>(
    operation: Operation,
    poolId: string,
    attempt: () => Promise<T>,
    signal: AbortSignal,
    priority?: number,
  ): Promise<T>;
  /** Slows the operation's bucket down for some seconds after throttling (see `slow-down.ts`). */
  slowDown(operation: Operation, poolId: string): void;
  /** Attempts a second that this process released in the last two seconds, and the allowed rate. */
  usage(bucket: BucketName): { rate: number; allowed: number };
}

/**
 * The buckets of one account and Region, or some of them.
 *
 * @param queues by bucket. A call that needs another bucket is a defect of the program.
 * @param options.all opens the queues of quotas per pool, named under `scope`: account and Region.
 * @param options.share of the quotas of calls that read
 * @param options.writeShare of the quotas of calls that write
 */
export function createBuckets(
  queues: ReadonlyMap<BucketName, FairQueue>,
  options: { all: FairQueues; scope: string; share: number; writeShare?: number },
): Buckets {
  const { all, scope, share, writeShare = share } = options;
  const findQueue = (bucket: BucketName): FairQueue => {
    const queue = queues.get(bucket);
    if (!queue) throw new Error(`The buckets of ${scope} were opened without ${bucket}.`);
    return queue;
  };

  /** The queue of the operation's narrowest quota. It leads to the wider one. */
  const findEntry = (operation: Operation, poolId: string): FairQueue => {
    const queue = findQueue(BUCKET_OF[operation]);
    const perPool = PER_POOL_RPS[operation];
    if (perPool === undefined) return queue;
    const rate = perPool * (isWrite(operation) ? writeShare : share);
    return all.open({ scope: `${scope}/${poolId}`, bucket: operation }, rate, queue);
  };

  return {
    async run(operation, poolId, attempt, signal, priority = 0) {
      // Hundreds of calls listen to one signal: this silences Node's warning about a leak.
      setMaxListeners(0, signal);
      await findEntry(operation, poolId).takePermit(signal, { group: poolId, priority });
      return attempt();
    },
    slowDown(operation, poolId) {
      // The answer does not say which of the two quotas was exceeded.
      const queue = findQueue(BUCKET_OF[operation]);
      for (const each of new Set([queue, findEntry(operation, poolId)])) all.slowDown(each);
    },
    usage(bucket) {
      const { released, allowed } = findQueue(bucket);
      return { rate: released.rate, allowed };
    },
  };
}
