import { FairQueue, type GroupName } from './fair-queue.ts';
import type { LimiterBackend } from './limiter.ts';

/** How much of a lane is used. */
export interface QueueUsage extends GroupName {
  /** Attempts a second that this process released, over the last two. */
  readonly rate: number;
  /** Attempts a second allowed at full rate, to all processes that share the lane together. */
  readonly allowed: number;
  /** Attempts of this process that wait for their turn. */
  readonly waiting: number;
}

/**
 * The lanes of this process, each known by its name to every process that shares it. Throttling
 * that one of them meets slows the lane in all.
 */
export class FairQueues {
  readonly #pacing: LimiterBackend;
  readonly #lanes = new Map<string, FairQueue>();

  constructor(pacing: LimiterBackend) {
    this.#pacing = pacing;
    pacing.onThrottled((id) => this.#lanes.get(id)?.slowDown.throttled());
  }

  /** The lane, made when first asked for: the rate and the wider lane are those of that time. */
  of(name: GroupName, rate: number, within: FairQueue | null = null): FairQueue {
    const id = idOf(name);
    let lane = this.#lanes.get(id);
    if (!lane) {
      lane = new FairQueue(name, rate, this.#pacing.newPacer(id, rate), within);
      this.#lanes.set(id, lane);
    }
    return lane;
  }

  /** Slows the lane down: at once in this process, and soon in the others. */
  throttled(lane: FairQueue): void {
    lane.slowDown.throttled();
    this.#pacing.tellThrottled(idOf(lane.name));
  }

  usages(): QueueUsage[] {
    return [...this.#lanes.values()].map(({ name, released, allowed, waiting }) => ({
      ...name,
      rate: released.rate,
      allowed,
      waiting,
    }));
  }

  /** Rejects whoever waits. */
  async close(): Promise<void> {
    await Promise.all([...this.#lanes.values()].map((lane) => lane.close()));
    await this.#pacing.close();
  }
}

function idOf({ scope, bucket }: GroupName): string {
  return `${scope}/${bucket}`;
}
