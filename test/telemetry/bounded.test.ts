import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { bounded, NoAnswerError } from '../../src/common/bounded.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A question whose answers are given by hand. */
function question() {
  const answers: ((text: string) => void)[] = [];
  const ask = () => new Promise<string>((resolve) => void answers.push(resolve));
  return { answers, ask: bounded(ask, 2_000) };
}

test('an answer in time is given to all who wait for it', async () => {
  const { answers, ask } = question();
  const waiting = [ask(), ask()];
  expect(answers).toHaveLength(1);
  answers[0]?.('here');
  expect(await Promise.all(waiting)).toEqual(['here', 'here']);
});

test('each question after an answer is asked anew, and so it is after a failure', async () => {
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

test('without an answer in time it fails, and does not ask again while it may still come', async () => {
  const { answers, ask } = question();
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

test('an answer that came while the process was frozen counts', async () => {
  const { answers, ask } = question();
  const answer = ask();
  await vi.advanceTimersByTimeAsync(1_000);
  // It wakes up: an overdue timer runs once, before the answer is read.
  vi.advanceTimersToNextTimer();
  answers[0]?.('in time');
  expect(await answer).toBe('in time');
});

test('a question that is lost is asked anew after a minute, and its answer changes nothing', async () => {
  const { answers, ask } = question();
  const lost = expect(ask()).rejects.toThrow(NoAnswerError);
  await vi.advanceTimersByTimeAsync(61_000);
  await lost;
  const again = ask();
  expect(answers).toHaveLength(2);
  answers[0]?.('of long ago');
  await vi.advanceTimersByTimeAsync(0);
  const joined = ask();
  expect(answers).toHaveLength(2);
  answers[1]?.('new');
  expect(await Promise.all([again, joined])).toEqual(['new', 'new']);
});
