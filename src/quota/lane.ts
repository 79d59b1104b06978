import { InterruptedError } from '../model/errors.ts';
import type { Pacer } from './pacer.ts';
import { RateMeter } from './rate-meter.ts';
import { SlowDown } from './slow-down.ts';

interface Waiter {
  release(): void;
  reject(reason: unknown): void;
}

/**
 * A queue in front of a pacer: attempts are released in the order they came. The pacer sees one
 * registered wait at a time and never an abort: who gives up leaves the queue, and the turn that
 * was coming goes to the next.
 */
export class Lane {
  /** Attempts a second at full rate. */
  readonly allowed: number;
  readonly slowDown = new SlowDown();
  readonly released = new RateMeter();
  readonly #pacer: Pacer;
  /** The wider lane that a release must pass too, its turn taken after this lane's own. */
  readonly #within: Lane | null;
  readonly #waiters = new Set<Waiter>();
  readonly #closing = new AbortController();
  #pumping: Promise<void> | null = null;

  constructor(allowed: number, pacer: Pacer, within: Lane | null = null) {
    this.allowed = allowed;
    this.#pacer = pacer;
    this.#within = within;
  }

  /** Resolves when it is the caller's turn; rejects at once with `signal.reason` on an abort. */
  turn(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.#closing.signal.aborted) return Promise.reject(this.#closing.signal.reason);
    return new Promise((resolve, reject) => {
      const onAbort = () => leave(() => reject(signal.reason));
      const leave = (settle: () => void) => {
        this.#waiters.delete(waiter);
        signal.removeEventListener('abort', onAbort);
        settle();
      };
      const waiter: Waiter = {
        release: () => leave(resolve),
        reject: (reason) => leave(() => reject(reason)),
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiters.add(waiter);
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
      while (this.#waiters.size > 0) {
        const attempts = await this.#pacer.turn(this.allowed * this.slowDown.factor);
        for (let i = 0; i < attempts && this.#waiters.size > 0; i += 1) {
          await this.#within?.turn(this.#closing.signal);
          this.#releaseNext();
        }
      }
    } catch (error) {
      const reason = this.#closing.signal.aborted ? this.#closing.signal.reason : error;
      for (const waiter of this.#waiters) waiter.reject(reason);
    } finally {
      // At once: a waiter that comes before a later callback ran would find nobody pumping.
      this.#pumping = null;
    }
  }

  #releaseNext(): void {
    const [next] = this.#waiters;
    if (!next) return;
    this.released.record();
    next.release();
  }
}
