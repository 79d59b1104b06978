import { setMaxListeners } from 'node:events';
import type { Buckets } from '../quota/buckets.ts';
import type { CallMeter, CallObserver, CallOutcome } from '../telemetry/calls.ts';
import type { Logger } from '../telemetry/logger.ts';
import { type CallContext, classify } from './error-table.ts';
import { AttemptFailed, type RetryPolicy, withRetries } from './retry.ts';
import type { Sdk } from './sdk.ts';

/** One call of the API, however many attempts it takes. */
export interface Call<T> extends Omit<CallContext, 'region'> {
  /** Among calls that wait for the same bucket, the highest goes first. Default 0. */
  readonly priority?: number;
  /** Sends the request once, and reads the answer. */
  readonly send: (signal: AbortSignal) => Promise<T>;
}

/** What a call gave, and when the attempt that gave it was sent (`performance.now()`, in ms). */
export interface Answer<T> {
  readonly value: T;
  readonly sentAt: number;
}

/** Makes calls: through the bucket, with retries, counted. Throws the errors of the error table. */
export type Caller = <T>(call: Call<T>, signal: AbortSignal) => Promise<Answer<T>>;

export interface CallerDeps {
  readonly sdk: Sdk;
  readonly region: string;
  readonly buckets: Buckets;
  readonly meter: CallMeter;
  readonly policy: RetryPolicy;
  readonly observer?: CallObserver | undefined;
  readonly log?: Logger | undefined;
}

export function createCaller(deps: CallerDeps): Caller {
  const { sdk, region, buckets, meter, policy, observer, log } = deps;
  return (call, signal) => {
    const { operation, poolId } = call;
    const send = async (attempt: number, askedAt: number) => {
      const sentAt = performance.now();
      const record = (outcome: CallOutcome) => {
        meter.record(outcome, attempt);
        observer?.attempt({
          operation,
          outcome,
          seconds: (performance.now() - sentAt) / 1000,
          waitedSeconds: (sentAt - askedAt) / 1000,
        });
      };
      try {
        const value = await withinLimit(call.send, policy.attemptMs, signal);
        record('ok');
        return { value, sentAt };
      } catch (error) {
        const failed = attemptFailed(error, { ...call, region });
        record(signal.aborted ? 'aborted' : OUTCOMES[failed.verdict.action]);
        if (failed.verdict.action === 'throttled') buckets.slowDown(operation, poolId);
        throw failed;
      }
    };
    return withRetries(
      async (attempt) => {
        await credentialsAtHand(sdk, signal).catch((error: unknown) => {
          signal.throwIfAborted();
          throw attemptFailed(error, { ...call, region });
        });
        const askedAt = performance.now();
        return buckets.run(operation, poolId, () => send(attempt, askedAt), signal, call.priority);
      },
      {
        policy,
        signal,
        onRetry: ({ action, reason }, attempt, waitMs) =>
          log?.debug({ operation, poolId, action, reason, attempt, waitMs }, 'calling again'),
      },
    );
  };
}

/**
 * Sends the request, and gives up where the whole answer is not there in time: the timeouts of the
 * connection measure silence, and an answer that drips is never silent.
 *
 * @throws a TimeoutError then
 */
async function withinLimit<T>(
  send: (signal: AbortSignal) => Promise<T>,
  limitMs: number,
  signal: AbortSignal,
): Promise<T> {
  const attempt = new AbortController();
  const late = Object.assign(new Error('The answer took too long.'), {
    name: 'TimeoutError',
    code: 'ETIMEDOUT',
  });
  const timer = setTimeout(() => attempt.abort(late), limitMs);
  const stop = () => attempt.abort(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  try {
    signal.throwIfAborted();
    return await send(attempt.signal);
  } catch (error) {
    throw attempt.signal.aborted ? attempt.signal.reason : error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}

/** Of a role's credentials that could not be fetched or renewed, the failure is judged already. */
function attemptFailed(error: unknown, context: CallContext): AttemptFailed {
  return error instanceof AttemptFailed ? error : new AttemptFailed(classify(error, context));
}

const OUTCOMES = { throttled: 'throttled', retry: 'retriable', stop: 'refused' } as const;

/**
 * Looks credentials up, and renews them, before the wait for a turn: calls released while the SDK
 * still looked would reach the service all at once, and over its quota.
 */
async function credentialsAtHand(sdk: Sdk, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  // One signal stops hundreds of calls at once: that many listeners are meant.
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
