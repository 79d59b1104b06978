import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { bounded, NoAnswerError } from '../../src/common/bounded.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A request whose answers the test gives. */
function createRequest() {
  const answers: ((text: string) => void)[] = [];
  const ask = () => new Promise<string>((resolve) => void answers.push(resolve));
  return { answers, ask: bounded(ask, 2_000) };
}

test('one answer serves all waiting callers', async () => {
  const { answers, ask } = createRequest();
  const waiting = [ask(), ask()];
  expect(answers).toHaveLength(1);
  answers[0]?.('here');
  expect(await Promise.all(waiting)).toEqual(['here', 'here']);
});

test('a call after an answer or a failure sends a new request', async () => {
  const answers = [() => 'one', () => 'two'];
  const ask = bounded(async () => {
    const next = answers.shift();
    if (next === undefined) throw new Error('no more');
    return next();
  }, 2_000);
  expect([await ask(), await ask()]).toEqual(['one', 'two']);
  await expect(ask()).rejects.toThrow('no more');
  answers.push(() => 'three');
  expect(await ask()).toBe('three');
});

test('a call times out, and does not send another request while the first may still be answered', async () => {
  const { answers, ask } = createRequest();
  for (let i = 0; i < 5; i += 1) {
    const failed = expect(ask()).rejects.toThrow(NoAnswerError);
    await vi.advanceTimersByTimeAsync(2_000);
    await failed;
  }
  expect(answers).toHaveLength(1);
  const late = ask();
  answers[0]?.('late, but here');
  expect(await late).toBe('late, but here');
});

test('an answer that arrived while the process was frozen is used', async () => {
  const { answers, ask } = createRequest();
  const answer = ask();
  await vi.advanceTimersByTimeAsync(1_000);
  // On waking, an overdue timer runs once before the answer is read.
  vi.advanceTimersToNextTimer();
  answers[0]?.('in time');
  expect(await answer).toBe('in time');
});

test('a lost request is sent again after a minute, and its late answer is ignored', async () => {
  const { answers, ask } = createRequest();
  const lost = expect(ask()).rejects.toThrow(NoAnswerError);
  await vi.advanceTimersByTimeAsync(61_000);
  await lost;
  const again = ask();
  expect(answers).toHaveLength(2);
  answers[0]?.('too late');
  await vi.advanceTimersByTimeAsync(0);
  const joined = ask();
  expect(answers).toHaveLength(2);
  answers[1]?.('new');
  expect(await Promise.all([again, joined])).toEqual(['new', 'new']);
});
