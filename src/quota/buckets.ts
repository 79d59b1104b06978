import { setMaxListeners } from 'node:events';
import type { FairQueue } from './fair-queue.ts';
import type { FairQueues } from './fair-queues.ts';
import { BUCKET_OF, type BucketName, type Operation, PER_POOL_RPS } from './quotas.ts';

/** The buckets of one account and Region, whatever its pools. */
export interface Buckets {
  /**
   * Waits for the turn in the operation's bucket, then runs the attempt and settles as it does.
   * In any sliding second at most ⌈allowed rate⌉ + 1 attempts are released (invariant 6).
   * `poolId` matters where a quota is per pool. While it waits, an abort rejects at once with
   * `signal.reason`, and a `close` with InterruptedError.
   *
   * Of this process's attempts, pools take turns.
   *
   * @param urgency of one pool's attempts, whoever has more of it goes first.
   */
  run<T>(
    operation: Operation,
    poolId: string,
    attempt: () => Promise<T>,
    signal: AbortSignal,
    urgency?: number,
  ): Promise<T>;
  /** Tells of throttling: the bucket runs slower for some seconds (see `slow-down.ts`). */
  slowDown(operation: Operation, poolId: string): void;
  /** Attempts released a second by this process, over the last two; and those allowed at full rate. */
  usage(bucket: BucketName): { rate: number; allowed: number };
}

/**
 * The buckets of one account and Region, or some of them.
 *
 * @param buckets those that there are; a call that falls under another is a mistake of the program.
 * @param lanes gives those of quotas per pool, which lie under `scope`: the account and Region.
 */
export function createBuckets(
  buckets: ReadonlyMap<BucketName, FairQueue>,
  { lanes, scope, share }: { lanes: FairQueues; scope: string; share: number },
): Buckets {
  const laneOf = (bucket: BucketName): FairQueue => {
    const lane = buckets.get(bucket);
    if (!lane) throw new Error(`${scope} has no bucket ${bucket}: whose account is it?`);
    return lane;
  };

  /** The narrowest lane that the operation must pass. */
  const entryLane = (operation: Operation, poolId: string): FairQueue => {
    const bucket = laneOf(BUCKET_OF[operation]);
    const perPool = PER_POOL_RPS[operation];
    if (perPool === undefined) return bucket;
    const name = { scope: `${scope}/${poolId}`, bucket: operation };
    return lanes.of(name, perPool * share, bucket);
  };

  return {
    async run(operation, poolId, attempt, signal, urgency = 0) {
      // One signal stops hundreds of calls at once: that many listeners are meant.
      setMaxListeners(0, signal);
      await entryLane(operation, poolId).turn(signal, { flow: poolId, urgency });
      return attempt();
    },
    slowDown(operation, poolId) {
      // The answer does not tell which of the two quotas was over.
      lanes.throttled(laneOf(BUCKET_OF[operation]));
      const lane = entryLane(operation, poolId);
      if (lane !== laneOf(BUCKET_OF[operation])) lanes.throttled(lane);
    },
    usage(bucket) {
      const lane = laneOf(bucket);
      return { rate: lane.released.rate, allowed: lane.allowed };
    },
  };
}
