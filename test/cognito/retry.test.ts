import { describe, expect, test } from 'vitest';
import { RETRY_POLICY, type RetryPolicy, withRetries } from '../../src/cognito/call.ts';
import { AttemptFailed, type Verdict } from '../../src/cognito/error-table.ts';
import { InterruptedError, ResumableError } from '../../src/model/errors.ts';
import { startStopwatch } from '../support/stopwatch.ts';
import { never, QUICK, rejection } from './support.ts';

const tableError = new ResumableError('the error of the table');

function failure(action: Verdict['action'], retryAfterMs = 0): AttemptFailed {
  return new AttemptFailed({ action, retryAfterMs, reason: action, error: tableError });
}

/** Makes attempts that fail as listed, then succeed. */
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
  test('follows a fault, as often as the policy allows', async () => {
    const enough = await run(times(8, () => failure('retry')));
    expect(enough.error).toBeNull();
    expect(enough.attempts).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const tooMany = await run(times(9, () => failure('retry')));
    expect(tooMany.error).toBe(tableError);
    expect(tooMany.attempts).toHaveLength(9);
  });

  test('follows throttling any number of times, until it lasts too long', async () => {
    const storm = await run(times(60, () => failure('throttled')));
    expect(storm.error).toBeNull();
    const endless = await run(
      times(100_000, () => failure('throttled')),
      { ...QUICK, throttledForMs: 50 },
    );
    expect(endless.error).toBe(tableError);
    expect(endless.attempts.length).toBeGreaterThan(1);
  });

  test('follows throttling after the last fault that the policy allows', async () => {
    const mixed = [...times(8, () => failure('retry')), ...times(3, () => failure('throttled'))];
    expect((await run(mixed)).error).toBeNull();
    expect((await run([...mixed, failure('retry')])).error).toBe(tableError);
  });

  test('does not follow a stop', async () => {
    const stopped = await run([failure('retry'), failure('stop')]);
    expect(stopped.error).toBe(tableError);
    expect(stopped.attempts).toEqual([1, 2]);
  });

  test('does not follow any other error, which is thrown unchanged', async () => {
    for (const bug of [new TypeError('a bug'), new RangeError('another')]) {
      const { error, attempts } = await run([bug]);
      expect(error).toBe(bug);
      expect(attempts).toEqual([1]);
    }
  });
});

describe('the wait before it', () => {
  const failures = [...times(6, () => failure('retry')), ...times(6, () => failure('throttled'))];

  test('is random from zero to a doubling bound with a cap', async () => {
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

  test('is at least what the service requires', async () => {
    const start = performance.now();
    const { waits } = await run([failure('throttled', 120), failure('retry', 80)]);
    expect(waits).toEqual([120, 80]);
    expect(performance.now() - start).toBeGreaterThan(190);
  });

  test('ends at once on an abort, with its reason', async () => {
    const abort = new AbortController();
    const reason = new InterruptedError();
    let sinceAbort = startStopwatch();
    const stop = () => {
      sinceAbort = startStopwatch();
      abort.abort(reason);
    };
    const ended = rejection(
      withRetries(
        async () => {
          // Longer than a test may take.
          throw failure('retry', 3_600_000);
        },
        {
          policy: RETRY_POLICY,
          signal: abort.signal,
          onRetry: () => setTimeout(stop, 10),
        },
      ),
    );
    expect(await ended).toBe(reason);
    expect(sinceAbort.elapsed()).toBeLessThan(5_000);
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

test('the default policy survives ten minutes of throttling', () => {
  expect(RETRY_POLICY.throttledForMs).toBe(600_000);
  expect(RETRY_POLICY.faults).toBe(8);
});
