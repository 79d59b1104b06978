import { afterEach, describe, expect, it, vi } from 'vitest';
import { FairQueue } from '../../src/quota/fair-queue.ts';
import type { Limiter } from '../../src/quota/limiter.ts';

afterEach(() => {
  vi.useRealTimers();
});

/** A queue whose permits the test releases, one at a time. */
function openQueue() {
  let next: ((permits: number) => void) | null = null;
  const limiter: Limiter = {
    takePermits: () =>
      new Promise((resolve) => {
        next = resolve;
      }),
    close: async () => {},
  };
  const id = { scope: '111122223333/us-east-1', bucket: 'UserList' };
  const queue = new FairQueue(id, 1, limiter);
  const order: string[] = [];
  return {
    /** The attempts that got a permit. */
    order,
    wait: (group: string, priority: number, name = `${group} ${priority}`, signal = never()) =>
      queue.takePermit(signal, { group, priority }).then(() => void order.push(name)),
    release: async () => {
      next?.(1);
      await new Promise(setImmediate);
    },
  };
}

function never(): AbortSignal {
  return new AbortController().signal;
}

describe('a fair queue', () => {
  it('serves the highest priority first, and equal ones in order of arrival', async () => {
    const { wait, release, order } = openQueue();
    void wait('pool', 10, 'short');
    void wait('pool', 500, 'long');
    void wait('pool', 500, 'as long');
    void wait('pool', 900, 'longest');
    for (let i = 0; i < 4; i += 1) await release();
    expect(order).toEqual(['longest', 'long', 'as long', 'short']);
  });

  it('serves groups in turn, whatever the priorities within one', async () => {
    const { wait, release, order } = openQueue();
    for (const priority of [900, 800, 700]) void wait('large', priority);
    for (const priority of [3, 5]) void wait('small', priority);
    for (let i = 0; i < 5; i += 1) await release();
    expect(order).toEqual(['large 900', 'small 5', 'large 800', 'small 3', 'large 700']);
  });

  it('serves an attempt that has waited over a minute before higher priorities', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const { wait, release, order } = openQueue();
    void wait('pool', 1, 'short');
    vi.advanceTimersByTime(59_000);
    void wait('pool', 500, 'long');
    await release();
    expect(order).toEqual(['long']);
    void wait('pool', 500, 'long again');
    vi.advanceTimersByTime(2_000);
    await release();
    await release();
    expect(order).toEqual(['long', 'short', 'long again']);
  });

  it('leaves the permit of a waiter that aborts to the next', async () => {
    const { wait, release, order } = openQueue();
    const abort = new AbortController();
    const aborted = Array.from({ length: 9 }, () => wait('pool', 5, 'aborted', abort.signal));
    void wait('pool', 1, 'next');
    const reason = new Error('stopped');
    abort.abort(reason);
    for (const result of await Promise.allSettled(aborted)) {
      expect(result).toEqual({ status: 'rejected', reason });
    }
    await release();
    expect(order).toEqual(['next']);
  });
});
