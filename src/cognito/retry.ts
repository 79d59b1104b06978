import { setTimeout as sleep } from 'node:timers/promises';
import pRetry from 'p-retry';
import type { Verdict } from './error-table.ts';

/** How long and how often an attempt is made again. Times in milliseconds. */
export interface RetryPolicy {
  /** The most that an attempt may take, from the request to the end of its answer. */
  readonly attemptMs: number;
  /** Attempts made again after failures other than throttling. */
  readonly faults: number;
  /** Waits after them: anything up to `faultBaseMs` doubled each time, up to `faultCapMs`. */
  readonly faultBaseMs: number;
  readonly faultCapMs: number;
  /** A call that has met nothing but throttling for so long is given up. */
  readonly throttledForMs: number;
  /** Waits after throttling, beside the bucket's slow-down, by the same rule. */
  readonly throttledBaseMs: number;
  readonly throttledCapMs: number;
}

/** Half a minute of outage and ten minutes of throttling are survived. */
export const RETRY_POLICY: RetryPolicy = {
  attemptMs: 60_000,
  faults: 8,
  faultBaseMs: 250,
  faultCapMs: 20_000,
  throttledForMs: 10 * 60_000,
  throttledBaseMs: 200,
  throttledCapMs: 5_000,
};

/** An attempt that was made and failed, with what the error table says of it. */
export class AttemptFailed extends Error {
  readonly verdict: Verdict;

  constructor(verdict: Verdict) {
    super(verdict.reason);
    this.verdict = verdict;
  }
}

export interface Retries {
  readonly policy: RetryPolicy;
  readonly signal: AbortSignal;
  /** Told of each failure that is followed by another attempt, before the wait. */
  readonly onRetry: (verdict: Verdict, attempt: number, waitMs: number) => void;
}

/**
 * Makes the attempt until it succeeds, with full jitter between attempts. `attempt` is given its
 * number, from 1. Rejects with the verdict's error where it says stop or the policy is used up,
 * at once with `signal.reason` on an abort, and with whatever else the attempt throws.
 */
export async function withRetries<T>(
  attempt: (attempt: number) => Promise<T>,
  { policy, signal, onRetry }: Retries,
): Promise<T> {
  let faults = 0;
  let throttles = 0;
  let throttledSince = 0;

  /** The wait before the next attempt; throws where there is to be none. */
  const waitAfter = (verdict: Verdict): number => {
    const now = performance.now();
    if (verdict.action === 'throttled') {
      if (throttles === 0) throttledSince = now;
      if (now - throttledSince >= policy.throttledForMs) throw verdict.error;
      throttles += 1;
      return jitter(policy.throttledBaseMs, policy.throttledCapMs, throttles);
    }
    throttles = 0;
    if (verdict.action === 'stop' || faults >= policy.faults) throw verdict.error;
    faults += 1;
    return jitter(policy.faultBaseMs, policy.faultCapMs, faults);
  };

  try {
    return await pRetry(attempt, {
      retries: Number.POSITIVE_INFINITY,
      minTimeout: 0,
      signal,
      // The waits are ours: the library's jitter doubles a wait at most, ours is from nothing up.
      async onFailedAttempt({ error, attemptNumber }) {
        if (signal.aborted || !(error instanceof AttemptFailed)) throw error;
        const { verdict } = error;
        const waitMs = Math.max(waitAfter(verdict), verdict.retryAfterMs);
        onRetry(verdict, attemptNumber, waitMs);
        await sleep(waitMs, undefined, { signal });
      },
    });
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  }
}

/** Anything from nothing to `base`, doubled each time, up to `cap`: "full jitter". */
function jitter(base: number, cap: number, time: number): number {
  return Math.random() * Math.min(cap, base * 2 ** (time - 1));
}
