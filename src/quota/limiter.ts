import Bottleneck from 'bottleneck';

/** Gives turns at a rate. A lane asks for its next turn only after the last one has come. */
export interface Limiter {
  /**
   * Resolves when the next turn has come, with the number of attempts that it releases. Rejects
   * once the pacer is closed.
   */
  turn(): Promise<number>;
  close(): Promise<void>;
}

/**
 * One Node process with the SDK sends well under 2,000 requests a second: a rate far above that
 * means "no quota", and is not paced.
 */
const UNPACED_RATE = 5_000;

/** A turn costs Bottleneck three timers of a millisecond or more, so no more than 100 a second. */
const MAX_TURNS_PER_SECOND = 100;

/**
 * What is left unused, so that the bound of invariant 6 (⌈rate⌉ + 1 released in any sliding
 * second) holds although timers fire up to a millisecond early, and so that it nearly holds at the
 * other end of a network too. A turn that comes late lets the next one follow at once; as only one
 * is ever registered, that adds one turn to a second. A turn of several attempts needs more room.
 */
const RESERVE = 0.005;
/** Of several processes, each is late in its own way, and so is the network to each. */
export const RESERVE_OF_CLUSTER = 0.02;
const RESERVE_OF_SEVERAL = 0.03;

/** How a rate is paced: `attempts` released together every `minTime` milliseconds. */
export function computePace(
  rate: number,
  reserveOfOne = RESERVE,
): { attempts: number; minTime: number } {
  if (rate >= UNPACED_RATE) return { attempts: Number.POSITIVE_INFINITY, minTime: 0 };
  const attempts = Math.ceil(rate / MAX_TURNS_PER_SECOND);
  const reserve = attempts > 1 ? RESERVE_OF_SEVERAL : reserveOfOne;
  return { attempts, minTime: (attempts * 1_000) / (rate * (1 - reserve)) };
}

/** Paces by Bottleneck within this process, by `minTime`: a reservoir lets bursts through. */
export function openLocalLimiter(rate: number): Limiter {
  const { attempts, minTime } = computePace(rate);
  const limiter = new Bottleneck({ minTime });
  let closed = false;
  return {
    async turn() {
      if (closed) throw new Error('The bucket is closed.');
      if (!Number.isFinite(attempts)) return attempts;
      // Resolved by the job itself: Bottleneck settles its own promise some milliseconds later.
      await new Promise<void>((resolve, reject) => {
        limiter.schedule(async () => resolve()).catch(reject);
      });
      return attempts;
    },
    async close() {
      if (closed) return;
      closed = true;
      await limiter.stop({ dropWaitingJobs: true });
    },
  };
}

/** Where lanes get their turns, and how processes that share them tell each other of throttling. */
export interface LimiterBackend {
  /** The pacer of the lane `id`, at `rate` attempts a second. */
  newPacer(id: string, rate: number): Limiter;
  /** Tells every other process that the service throttled the lane's calls. */
  tellThrottled(id: string): void;
  /** Has `listener` called with each lane of which that was told. */
  onThrottled(listener: (id: string) => void): void;
  close(): Promise<void>;
}

/** The pacing of a process that shares its lanes with no other. */
export function localBackend(): LimiterBackend {
  return {
    newPacer: (_, rate) => openLocalLimiter(rate),
    tellThrottled: () => {},
    onThrottled: () => {},
    close: async () => {},
  };
}
