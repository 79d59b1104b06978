import { InterruptedError } from '../model/errors.ts';
import type { Limiter } from './limiter.ts';
import { SlowDown } from './slow-down.ts';

/** How an attempt stands among others that wait for the same lane. */
export interface Priority {
  /** What it is a part of, such as a pool: flows are served in turn. */
  readonly flow: string;
  /** Of a flow's attempts, the most urgent goes first. */
  readonly urgency: number;
}

interface Waiter extends Priority {
  readonly since: number;
  release(): void;
  reject(reason: unknown): void;
}

/** Who has waited this long comes before whoever of its flow is more urgent: page tokens grow old. */
const LONGEST_WAIT_MS = 60_000;

const ANY: Priority = { flow: '', urgency: 0 };

/** Which quota a lane keeps. */
export interface GroupName {
  /** Account and Region (`111122223333/us-east-1`), the Region alone, or the pool besides. */
  readonly scope: string;
  /** The service's name of the quota, or of the operation that has one per pool. */
  readonly bucket: string;
}

/**
 * A queue in front of a pacer: flows are served in turn, of each the most urgent attempt first, and
 * those alike in the order they came. The pacer sees one registered wait at a time and never an abort: who gives up leaves the queue, and the turn that
 * was coming goes to the next.
 */
export class FairQueue {
  readonly name: GroupName;
  /** Attempts a second at full rate. */
  readonly allowed: number;
  readonly slowDown = new SlowDown();
  readonly released = new RateMeter();
  readonly #pacer: Limiter;
  /**
   * The wider lane that a release must pass too, its turn taken after this lane's own. Waiting
   * there makes that turn late, which adds one to a second of this lane: the mirror lists the
   * groups of a pool in one chain, so there is never more than one such turn.
   */
  readonly #within: FairQueue | null;
  /** Those that wait, by their flows, the one first whose turn it is; none is empty. */
  readonly #flows = new Map<string, Set<Waiter>>();
  readonly #closing = new AbortController();
  #pumping: Promise<void> | null = null;
  /** The part of an attempt that turns under slow-down have added up to, below 1. */
  #credit = 0;

  constructor(name: GroupName, allowed: number, pacer: Limiter, within: FairQueue | null = null) {
    this.name = name;
    this.allowed = allowed;
    this.#pacer = pacer;
    this.#within = within;
  }

  /** How many wait for their turn. */
  get waiting(): number {
    let waiting = 0;
    for (const waiters of this.#flows.values()) waiting += waiters.size;
    return waiting;
  }

  /** Resolves when it is the caller's turn; rejects at once with `signal.reason` on an abort. */
  turn(signal: AbortSignal, { flow, urgency }: Priority = ANY): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.#closing.signal.aborted) return Promise.reject(this.#closing.signal.reason);
    return new Promise((resolve, reject) => {
      const onAbort = () => leave(() => reject(signal.reason));
      const leave = (settle: () => void) => {
        this.#leave(waiter);
        signal.removeEventListener('abort', onAbort);
        settle();
      };
      const waiter: Waiter = {
        since: performance.now(),
        flow,
        urgency,
        release: () => leave(resolve),
        reject: (reason) => leave(() => reject(reason)),
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#join(waiter);
      this.#pumping ??= this.#pump();
    });
  }

  /** Rejects whoever waits. */
  async close(): Promise<void> {
    this.#closing.abort(new InterruptedError('The calls to the service were stopped.'));
    await this.#pacer.close();
    await this.#pumping;
  }

  async #pump(): Promise<void> {
    try {
      while (this.#flows.size > 0) {
        const attempts = this.#slowed(await this.#pacer.turn());
        for (let i = 0; i < attempts && this.#flows.size > 0; i += 1) {
          await this.#within?.turn(this.#closing.signal);
          this.#releaseNext();
        }
      }
    } catch (error) {
      const reason = this.#closing.signal.aborted ? this.#closing.signal.reason : error;
      for (const waiters of this.#flows.values()) for (const each of waiters) each.reject(reason);
    } finally {
      // At once: a waiter that comes before a later callback ran would find nobody pumping.
      this.#pumping = null;
    }
  }

  /**
   * How many of a turn's attempts to release: under slow-down a part of them, added up over turns,
   * and never more than the turn has. So no process changes the pace that others share. Turns
   * without a bound, where there is no quota, stay so: retries wait by themselves.
   */
  #slowed(attempts: number): number {
    if (!Number.isFinite(attempts)) return attempts;
    this.#credit += attempts * this.slowDown.factor;
    const whole = Math.floor(this.#credit);
    this.#credit -= whole;
    return whole;
  }

  #join(waiter: Waiter): void {
    const waiters = this.#flows.get(waiter.flow) ?? new Set();
    this.#flows.set(waiter.flow, waiters.add(waiter));
  }

  #leave(waiter: Waiter): void {
    const waiters = this.#flows.get(waiter.flow);
    waiters?.delete(waiter);
    if (waiters?.size === 0) this.#flows.delete(waiter.flow);
  }

  #releaseNext(): void {
    const next = this.#next();
    if (!next) return;
    this.released.record();
    next.release();
  }

  #next(): Waiter | undefined {
    const [first] = this.#flows;
    if (!first) return undefined;
    const [flow, waiters] = first;
    // Served now, it is the last to be served again.
    this.#flows.delete(flow);
    this.#flows.set(flow, waiters);
    return mostUrgent(waiters);
  }
}

function mostUrgent(waiters: ReadonlySet<Waiter>): Waiter | undefined {
  const [oldest] = waiters;
  if (!oldest || performance.now() - oldest.since > LONGEST_WAIT_MS) return oldest;
  let most = oldest;
  for (const waiter of waiters) if (waiter.urgency > most.urgency) most = waiter;
  return most;
}

const SLOT_MS = 250;
const SLOTS = 8;

/** Counts events and tells their rate over the last two seconds, in constant memory. */
export class RateMeter {
  readonly #now: () => number;
  readonly #counts = Array.from({ length: SLOTS }, () => 0);
  #latest = 0;

  /** `now` gives milliseconds on a clock that never goes back. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  record(): void {
    const slot = this.#advance() % SLOTS;
    this.#counts[slot] = (this.#counts[slot] ?? 0) + 1;
  }

  /** Events a second. */
  get rate(): number {
    this.#advance();
    const sum = this.#counts.reduce((total, count) => total + count, 0);
    return (sum * 1_000) / (SLOTS * SLOT_MS);
  }

  /** Empties the slots that have passed out of the window; returns the number of the present one. */
  #advance(): number {
    const present = Math.floor(this.#now() / SLOT_MS);
    const passed = Math.min(present - this.#latest, SLOTS);
    for (let i = 0; i < passed; i += 1) this.#counts[(present - i) % SLOTS] = 0;
    this.#latest = present;
    return present;
  }
}
