import { describe, expect, test } from 'vitest';
import type { Verdict } from '../../src/cognito/error-table.ts';
import {
  AttemptFailed,
  RETRY_POLICY,
  type RetryPolicy,
  withRetries,
} from '../../src/cognito/retry.ts';
import { InterruptedError, ResumableError } from '../../src/model/errors.ts';
import { never, QUICK, rejection } from './support.ts';

const given = new ResumableError('what the table says');

function failure(action: Verdict['action'], retryAfterMs = 0): AttemptFailed {
  return new AttemptFailed({ action, retryAfterMs, reason: action, error: given });
}

/** Fails as listed, then succeeds; tells the attempts and the waits. */
async function run(
  failures: Error[],
  policy: RetryPolicy = QUICK,
): Promise<{ attempts: number[]; waits: number[]; error: Error | null }> {
  const attempts: number[] = [];
  const waits: number[] = [];
  const result = withRetries(
    async (attempt) => {
      attempts.push(attempt);
      const error = failures[attempt - 1];
      if (error) throw error;
    },
    { policy, signal: never(), onRetry: (_, __, wait) => waits.push(wait) },
  );
  const error = await result.then(
    () => null,
    (reason: Error) => reason,
  );
  return { attempts, waits, error };
}

const times = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make);

describe('another attempt', () => {
  test('follows a fault, as often as the policy says', async () => {
    const enough = await run(times(8, () => failure('retry')));
    expect(enough.error).toBeNull();
    expect(enough.attempts).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const tooMany = await run(times(9, () => failure('retry')));
    expect(tooMany.error).toBe(given);
    expect(tooMany.attempts).toHaveLength(9);
  });

  test('follows throttling however often, until it has lasted too long', async () => {
    const storm = await run(times(60, () => failure('throttled')));
    expect(storm.error).toBeNull();
    const endless = await run(
      times(100_000, () => failure('throttled')),
      { ...QUICK, throttledForMs: 50 },
    );
    expect(endless.error).toBe(given);
    expect(endless.attempts.length).toBeGreaterThan(1);
  });

  test('does not follow a stop', async () => {
    const stopped = await run([failure('retry'), failure('stop')]);
    expect(stopped.error).toBe(given);
    expect(stopped.attempts).toEqual([1, 2]);
  });

  test('does not follow what is no failed attempt: it comes out as it is', async () => {
    for (const bug of [new TypeError('a bug'), new RangeError('another')]) {
      const { error, attempts } = await run([bug]);
      expect(error).toBe(bug);
      expect(attempts).toEqual([1]);
    }
  });
});

describe('the wait before it', () => {
  const failures = [...times(6, () => failure('retry')), ...times(6, () => failure('throttled'))];

  test('is anything from nothing to a doubling bound with a cap', async () => {
    const policy = {
      ...QUICK,
      faultBaseMs: 1,
      faultCapMs: 8,
      throttledBaseMs: 2,
      throttledCapMs: 6,
    };
    const bounds = [1, 2, 4, 8, 8, 8, 2, 4, 6, 6, 6, 6];
    const runs = await Promise.all(times(60, () => run(failures, policy)));
    for (const { waits } of runs) {
      for (const [i, wait] of waits.entries()) expect(wait).toBeLessThanOrEqual(bounds[i] ?? 0);
    }
    const fourth = runs.map(({ waits }) => waits[3] ?? 0);
    expect(Math.min(...fourth)).toBeLessThan(2);
    expect(Math.max(...fourth)).toBeGreaterThan(6);
  });

  test('is at least what the service asks for', async () => {
    const start = performance.now();
    const { waits } = await run([failure('throttled', 120), failure('retry', 80)]);
    expect(waits).toEqual([120, 80]);
    expect(performance.now() - start).toBeGreaterThan(190);
  });

  test('ends at once with an abort, for its reason', async () => {
    const abort = new AbortController();
    const reason = new InterruptedError();
    const waiting = rejection(
      withRetries(
        async () => {
          throw failure('retry', 60_000);
        },
        { policy: RETRY_POLICY, signal: abort.signal, onRetry: () => setTimeout(stop, 10) },
      ),
    );
    const stop = () => abort.abort(reason);
    const start = performance.now();
    expect(await waiting).toBe(reason);
    expect(performance.now() - start).toBeLessThan(5_000);
  });
});

test('an abort before the first attempt makes none', async () => {
  const reason = new InterruptedError();
  let attempts = 0;
  const signal = AbortSignal.abort(reason);
  const result = withRetries(async () => (attempts += 1), { policy: QUICK, signal, onRetry() {} });
  expect(await rejection(result)).toBe(reason);
  expect(attempts).toBe(0);
});

test('the real policy survives ten minutes of throttling', () => {
  expect(RETRY_POLICY.throttledForMs).toBe(600_000);
  expect(RETRY_POLICY.faults).toBe(8);
});
