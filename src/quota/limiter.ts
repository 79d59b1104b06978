import Bottleneck from 'bottleneck';

/** Releases permits at a rate. A fair queue asks for the next ones only after it got the last. */
export interface Limiter {
  /** Resolves with the number of permits that are due now. Rejects once the limiter is closed. */
  takePermits(): Promise<number>;
  close(): Promise<void>;
}

/** What a limiter does after `close`. */
export class LimiterClosedError extends Error {
  constructor() {
    super('The limiter is closed.');
  }
}

/**
 * One Node process with the SDK sends well under 2,000 requests a second. A rate far above that
 * means "no quota" and has no pace.
 */
const UNLIMITED_RATE = 5_000;

/** Each release costs Bottleneck three timers of a millisecond or more, so 100 a second at most. */
const MAX_RELEASES_PER_SECOND = 100;

/**
 * The part of the rate that stays unused. It keeps invariant 6 (at most ⌈rate⌉ + 1 permits in any
 * sliding second) although timers fire up to a millisecond early. A late release lets the next one
 * follow at once, which adds one to a second. A release of several permits needs more room.
 */
const RESERVE = 0.005;
/** Each of several processes is late in its own way, and so is its network. */
export const RESERVE_OF_CLUSTER = 0.02;
const RESERVE_OF_SEVERAL = 0.03;

/** How a rate is paced: `permits` released together every `minTime` milliseconds. */
export function computePace(
  rate: number,
  reserveOfOne = RESERVE,
): { permits: number; minTime: number } {
  if (rate >= UNLIMITED_RATE) return { permits: Number.POSITIVE_INFINITY, minTime: 0 };
  const permits = Math.ceil(rate / MAX_RELEASES_PER_SECOND);
  const reserve = permits > 1 ? RESERVE_OF_SEVERAL : reserveOfOne;
  return { permits, minTime: (permits * 1_000) / (rate * (1 - reserve)) };
}

/** Limits within this process by Bottleneck's `minTime`; its reservoir would allow bursts. */
export function openLocalLimiter(rate: number): Limiter {
  const { permits, minTime } = computePace(rate);
  const bottleneck = new Bottleneck({ minTime });
  let isClosed = false;
  return {
    async takePermits() {
      if (isClosed) throw new LimiterClosedError();
      if (!Number.isFinite(permits)) return permits;
      // The job resolves it: Bottleneck settles its own promise some milliseconds later.
      await new Promise<void>((resolve, reject) => {
        bottleneck.schedule(async () => resolve()).catch(reject);
      });
      return permits;
    },
    async close() {
      if (isClosed) return;
      isClosed = true;
      await bottleneck.stop({ dropWaitingJobs: true });
    },
  };
}

/** Opens limiters, and broadcasts throttling to the processes that share them. */
export interface LimiterBackend {
  /** The limiter of the bucket `id`, at `rate` permits a second. */
  openLimiter(id: string, rate: number): Limiter;
  /** Reports to the other processes that the service throttled calls of this bucket. */
  broadcastThrottling(id: string): void;
  /** Calls `listener` with the bucket of each such report. */
  onThrottling(listener: (id: string) => void): void;
  close(): Promise<void>;
}

/** The backend of a process that shares its buckets with no other. */
export function localBackend(): LimiterBackend {
  return {
    openLimiter: (_, rate) => openLocalLimiter(rate),
    broadcastThrottling: () => {},
    onThrottling: () => {},
    close: async () => {},
  };
}
