import { InterruptedError } from '../model/errors.ts';
import type { Limiter } from './limiter.ts';
import { SlowDown } from './slow-down.ts';

/** Where an attempt ranks among those that wait in the same queue. */
interface Ranking {
  /** What the attempt belongs to, such as a pool. Groups are served in turn. */
  readonly group: string;
  /** Within a group, the attempt with the highest priority goes first. */
  readonly priority: number;
}

interface Waiter extends Ranking {
  readonly since: number;
  release(): void;
  reject(reason: unknown): void;
}

/** After this wait an attempt goes before others of its group: page tokens expire. */
const LONGEST_WAIT_MS = 60_000;

const UNRANKED: Ranking = { group: '', priority: 0 };

/** Names a bucket: a quota of the service. */
export interface BucketId {
  /** Account and Region (`111122223333/us-east-1`), the Region alone, or both and the pool. */
  readonly scope: string;
  /** The service's name of the quota, or the operation that has a quota per pool. */
  readonly bucket: string;
}

/**
 * The calls that wait for permits of one limiter. Groups are served in turn; within a group the
 * highest priority goes first, then the longest wait. The queue asks the limiter for one release at
 * a time and never cancels it: the permit of a waiter that aborts goes to the next.
 */
export class FairQueue {
  readonly id: BucketId;
  /** Permits a second at full rate. */
  readonly allowed: number;
  readonly slowDown = new SlowDown();
  readonly released = new RateMeter();
  readonly #limiter: Limiter;
  /**
   * The queue of the wider quota, passed after this one. Waiting there makes a release of this queue
   * late, which adds one to a second: a pool has a single chain of groups, so never more than one.
   */
  readonly #outer: FairQueue | null;
  /** Waiters by group. The group to serve next is first; no group is empty. */
  readonly #groups = new Map<string, Set<Waiter>>();
  readonly #closing = new AbortController();
  #serving: Promise<void> | null = null;
  /** The fraction of a permit, below 1, that releases under slow-down have added up to. */
  #credit = 0;

  constructor(id: BucketId, allowed: number, limiter: Limiter, outer: FairQueue | null = null) {
    this.id = id;
    this.allowed = allowed;
    this.#limiter = limiter;
    this.#outer = outer;
  }

  /** The number of attempts that wait for a permit. */
  get waiting(): number {
    let waiting = 0;
    for (const waiters of this.#groups.values()) waiting += waiters.size;
    return waiting;
  }

  /** Resolves when the caller has a permit; rejects at once with `signal.reason` on an abort. */
  takePermit(signal: AbortSignal, { group, priority }: Ranking = UNRANKED): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.#closing.signal.aborted) return Promise.reject(this.#closing.signal.reason);
    return new Promise((resolve, reject) => {
      const onAbort = () => leave(() => reject(signal.reason));
      const leave = (settle: () => void) => {
        this.#remove(waiter);
        signal.removeEventListener('abort', onAbort);
        settle();
      };
      const waiter: Waiter = {
        since: performance.now(),
        group,
        priority,
        release: () => leave(resolve),
        reject: (reason) => leave(() => reject(reason)),
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#add(waiter);
      this.#serving ??= this.#serve();
    });
  }

  /** Rejects all waiters with InterruptedError. */
  async close(): Promise<void> {
    this.#closing.abort(new InterruptedError('The calls to the service were stopped.'));
    await this.#limiter.close();
    await this.#serving;
  }

  /** Takes permits from the limiter while attempts wait. */
  async #serve(): Promise<void> {
    try {
      while (this.#groups.size > 0) {
        const permits = this.#applySlowDown(await this.#limiter.takePermits());
        for (let i = 0; i < permits && this.#groups.size > 0; i += 1) {
          await this.#outer?.takePermit(this.#closing.signal);
          this.#releaseNext();
        }
      }
    } catch (error) {
      const reason = this.#closing.signal.aborted ? this.#closing.signal.reason : error;
      for (const waiters of this.#groups.values()) for (const each of waiters) each.reject(reason);
    } finally {
      // Synchronously: a waiter added before a later callback would wait forever.
      this.#serving = null;
    }
  }

  /**
   * How many of these permits to use: under slow-down a part of them, added up over releases. The
   * pace that other processes share stays as it is. Unlimited permits stay unlimited: then only the
   * waits between retries slow calls down.
   */
  #applySlowDown(permits: number): number {
    if (!Number.isFinite(permits)) return permits;
    this.#credit += permits * this.slowDown.factor;
    const whole = Math.floor(this.#credit);
    this.#credit -= whole;
    return whole;
  }

  #add(waiter: Waiter): void {
    const waiters = this.#groups.get(waiter.group) ?? new Set();
    this.#groups.set(waiter.group, waiters.add(waiter));
  }

  #remove(waiter: Waiter): void {
    const waiters = this.#groups.get(waiter.group);
    waiters?.delete(waiter);
    if (waiters?.size === 0) this.#groups.delete(waiter.group);
  }

  #releaseNext(): void {
    const [first] = this.#groups;
    if (!first) return;
    const [group, waiters] = first;
    // To the end of the line.
    this.#groups.delete(group);
    this.#groups.set(group, waiters);
    this.released.record();
    pickNext(waiters)?.release();
  }
}

/** The waiter of a group to serve next; sets keep the order of arrival. */
function pickNext(waiters: ReadonlySet<Waiter>): Waiter | undefined {
  const [oldest] = waiters;
  if (!oldest || performance.now() - oldest.since > LONGEST_WAIT_MS) return oldest;
  let next = oldest;
  for (const waiter of waiters) if (waiter.priority > next.priority) next = waiter;
  return next;
}

const CELL_MS = 250;
const CELLS = 8;

/** Counts events and computes their rate over the last two seconds, in constant memory. */
export class RateMeter {
  readonly #now: () => number;
  readonly #counts = Array.from({ length: CELLS }, () => 0);
  #latest = 0;

  /** @param now gives milliseconds of a monotonic clock. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  record(): void {
    const cell = this.#advance() % CELLS;
    this.#counts[cell] = (this.#counts[cell] ?? 0) + 1;
  }

  /** Events a second. */
  get rate(): number {
    this.#advance();
    const sum = this.#counts.reduce((total, count) => total + count, 0);
    return (sum * 1_000) / (CELLS * CELL_MS);
  }

  /** Empties the cells that have left the window; returns the number of the current one. */
  #advance(): number {
    const current = Math.floor(this.#now() / CELL_MS);
    const passed = Math.min(current - this.#latest, CELLS);
    for (let i = 0; i < passed; i += 1) this.#counts[(current - i) % CELLS] = 0;
    this.#latest = current;
    return current;
  }
}
