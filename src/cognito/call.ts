import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import pRetry from 'p-retry';
import type { Buckets } from '../quota/buckets.ts';
import type { CallMeter, CallObserver, CallOutcome } from '../telemetry/calls.ts';
import { LOG_SCOPE, type Logger } from '../telemetry/logger.ts';
import { AttemptFailed, type CallContext, classify, type Verdict } from './error-table.ts';
import type { Sdk } from './sdk.ts';

/** How long and how often a call tries again. Times in milliseconds. */
export interface RetryPolicy {
  /** The time limit of an attempt, from the request to the end of its answer. */
  readonly attemptMs: number;
  /** Attempts after failures other than throttling. */
  readonly faults: number;
  /** The wait before them is random, up to `faultBaseMs` doubled each time, up to `faultCapMs`. */
  readonly faultBaseMs: number;
  readonly faultCapMs: number;
  /** A call ends when the service has only throttled it for this long. */
  readonly throttledForMs: number;
  /** The wait after throttling follows the same rule. The bucket also slows down. */
  readonly throttledBaseMs: number;
  readonly throttledCapMs: number;
}

/** Survives half a minute of outage and ten minutes of throttling. */
export const RETRY_POLICY: RetryPolicy = {
  attemptMs: 60_000,
  faults: 8,
  faultBaseMs: 250,
  faultCapMs: 20_000,
  throttledForMs: 10 * 60_000,
  throttledBaseMs: 200,
  throttledCapMs: 5_000,
};

/** One call of the API, however many attempts it takes. */
export interface Call<T> extends Omit<CallContext, 'region'> {
  /** Among calls that wait for the same bucket, the highest goes first. Default 0. */
  readonly priority?: number;
  /**
   * True for a write. On an abort, an attempt that was sent still gets a second for its answer: the
   * caller must know whether it was done.
   */
  readonly writes?: boolean;
  /** Sends the request once and reads the answer. */
  readonly send: (signal: AbortSignal) => Promise<T>;
}

export interface Answer<T> {
  readonly value: T;
  /** When the successful attempt was sent, by `performance.now()`, in milliseconds. */
  readonly sentAt: number;
  /** How long its attempts waited for their permits, in milliseconds. */
  readonly waitedMs: number;
  /** Its attempts before the successful one. */
  readonly retries: number;
}

/** Makes calls: through the bucket, with retries, counted. Throws the errors of the error table. */
export type Caller = <T>(call: Call<T>, signal: AbortSignal) => Promise<Answer<T>>;

interface CallerDeps {
  readonly sdk: Sdk;
  readonly region: string;
  readonly buckets: Buckets;
  readonly meter: CallMeter;
  readonly policy: RetryPolicy;
  readonly observer?: CallObserver | undefined;
  readonly log?: Logger | undefined;
}

/** A command stops within two seconds; this leaves time to note what was done. */
const LAST_ANSWER_MS = 1_000;

const OUTCOMES = { throttled: 'throttled', retry: 'retriable', stop: 'refused' } as const;

export function createCaller(deps: CallerDeps): Caller {
  const { sdk, region, buckets, meter, policy, observer, log } = deps;
  return async <T>(call: Call<T>, signal: AbortSignal) => {
    const { operation, poolId, priority, writes = false } = call;
    const context = { ...call, region };
    const limits = { attemptMs: policy.attemptMs, lastAnswerMs: writes ? LAST_ANSWER_MS : 0 };
    const answered: { by?: Answer<T> } = {};
    let waitedMs = 0;

    /** Sends the request; the attempt has its permit. */
    const send = async (attempt: number, askedAt: number) => {
      const sentAt = performance.now();
      waitedMs += sentAt - askedAt;
      const record = (outcome: CallOutcome) => {
        meter.record(outcome, attempt);
        const seconds = (performance.now() - sentAt) / 1000;
        const waitedSeconds = (sentAt - askedAt) / 1000;
        observer?.recordAttempt({ operation, outcome, seconds, waitedSeconds });
      };
      try {
        const value = await sendWithTimeout(call.send, limits, signal);
        record('ok');
        answered.by = { value, sentAt, waitedMs, retries: attempt - 1 };
        return answered.by;
      } catch (error) {
        const failure = toAttemptFailed(error, context);
        record(signal.aborted ? 'aborted' : OUTCOMES[failure.verdict.action]);
        if (failure.verdict.action === 'throttled') buckets.slowDown(operation, poolId);
        throw failure;
      }
    };

    const makeAttempt = async (attempt: number) => {
      await fetchCredentials(sdk, signal).catch((error: unknown) => {
        signal.throwIfAborted();
        throw toAttemptFailed(error, context);
      });
      const askedAt = performance.now();
      return buckets.run(operation, poolId, () => send(attempt, askedAt), signal, priority);
    };

    try {
      return await withRetries(makeAttempt, {
        policy,
        signal,
        onRetry({ action, reason }, attempt, waitMs) {
          const fields = { operation, poolId, action, reason, attempt, waitMs };
          (LOG_SCOPE.getStore() ?? log)?.debug(fields, 'calling again');
        },
      });
    } catch (error) {
      if (writes && answered.by !== undefined) return answered.by;
      throw error;
    }
  };
}

interface RetryOptions {
  readonly policy: RetryPolicy;
  readonly signal: AbortSignal;
  /** Called after each failure that another attempt follows, before the wait. */
  readonly onRetry: (verdict: Verdict, attempt: number, waitMs: number) => void;
}

/**
 * Makes attempts, numbered from 1, until one succeeds. Rejects with the verdict's error if it says
 * stop or the policy is used up, with `signal.reason` at once on an abort, and with any other error
 * of an attempt.
 */
export async function withRetries<T>(
  makeAttempt: (attempt: number) => Promise<T>,
  { policy, signal, onRetry }: RetryOptions,
): Promise<T> {
  let attempt = 0;

  // p-retry's `randomize` only lengthens a wait, and it has no minimum for one wait, so this does it.
  const wait = async (verdict: Verdict, boundMs: number) => {
    const waitMs = Math.max(Math.random() * boundMs, verdict.retryAfterMs);
    onRetry(verdict, attempt, waitMs);
    await sleep(waitMs, undefined, { signal });
  };

  const surviveThrottling = () => {
    let throttledSince: number | null = null;
    return pRetry(() => makeAttempt(++attempt), {
      signal,
      retries: Number.POSITIVE_INFINITY,
      minTimeout: 0,
      async shouldRetry({ error, retriesConsumed }) {
        if (!isFailure(error, 'throttled')) return false;
        throttledSince ??= performance.now();
        if (performance.now() - throttledSince >= policy.throttledForMs) return false;
        const { throttledBaseMs, throttledCapMs } = policy;
        await wait(error.verdict, Math.min(throttledCapMs, throttledBaseMs * 2 ** retriesConsumed));
        return true;
      },
    });
  };

  try {
    return await pRetry(surviveThrottling, {
      signal,
      retries: policy.faults,
      minTimeout: 0,
      async shouldRetry({ error, retriesConsumed }) {
        if (!isFailure(error, 'retry')) return false;
        const { faultBaseMs, faultCapMs } = policy;
        await wait(error.verdict, Math.min(faultCapMs, faultBaseMs * 2 ** retriesConsumed));
        return true;
      },
    });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw error instanceof AttemptFailed ? error.verdict.error : error;
  }
}

function isFailure(error: Error, action: Verdict['action']): error is AttemptFailed {
  return error instanceof AttemptFailed && error.verdict.action === action;
}

/** An attempt to fetch a role's credentials is classified already. */
function toAttemptFailed(error: unknown, context: CallContext): AttemptFailed {
  return error instanceof AttemptFailed ? error : new AttemptFailed(classify(error, context));
}

/**
 * Sends the request and reads the whole answer within a time limit. The connection's own timeouts
 * measure silence, so an answer that drips would never end.
 *
 * @param limits.lastAnswerMs how long to wait for the answer after an abort
 * @throws a TimeoutError after the limit.
 */
async function sendWithTimeout<T>(
  send: (signal: AbortSignal) => Promise<T>,
  limits: { readonly attemptMs: number; readonly lastAnswerMs: number },
  signal: AbortSignal,
): Promise<T> {
  const { attemptMs, lastAnswerMs } = limits;
  const attempt = new AbortController();
  const late = Object.assign(new Error('The answer took too long.'), {
    name: 'TimeoutError',
    code: 'ETIMEDOUT',
  });
  const timer = setTimeout(() => attempt.abort(late), attemptMs);
  let lastTimer: NodeJS.Timeout | undefined;
  const abort = () => attempt.abort(signal.reason);
  const stop = () => {
    if (lastAnswerMs === 0) abort();
    else lastTimer = setTimeout(abort, lastAnswerMs);
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    signal.throwIfAborted();
    return await send(attempt.signal);
  } catch (error) {
    throw attempt.signal.aborted ? attempt.signal.reason : error;
  } finally {
    clearTimeout(timer);
    clearTimeout(lastTimer);
    signal.removeEventListener('abort', stop);
  }
}

/**
 * Fetches or renews credentials before the wait for a permit. Otherwise calls that were released
 * while the SDK fetches them would reach the service all at once, and exceed its quota.
 */
async function fetchCredentials(sdk: Sdk, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  // Hundreds of calls listen to one signal: this silences Node's warning about a leak.
  setMaxListeners(0, signal);
  await new Promise<void>((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    sdk.config
      .credentials()
      .then(() => resolve(), reject)
      .finally(() => signal.removeEventListener('abort', onAbort));
  });
}
