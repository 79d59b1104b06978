import { afterEach, describe, expect, it, vi } from 'vitest';
import { FairQueue } from '../../src/quota/fair-queue.ts';
import type { Limiter } from '../../src/quota/limiter.ts';

afterEach(() => {
  vi.useRealTimers();
});

/** A lane whose turns are given by hand, one attempt each. */
function openLane(): { lane: FairQueue; give: () => Promise<void> } {
  let next: ((attempts: number) => void) | null = null;
  const pacer: Limiter = {
    turn: () =>
      new Promise((resolve) => {
        next = resolve;
      }),
    close: async () => {},
  };
  return {
    lane: new FairQueue({ scope: '111122223333/us-east-1', bucket: 'UserList' }, 1, pacer),
    give: async () => {
      next?.(1);
      await new Promise(setImmediate);
    },
  };
}

describe('a lane', () => {
  it('releases the most urgent first, and those alike in the order they came', async () => {
    const { lane, give } = openLane();
    const order: string[] = [];
    const wait = (name: string, urgency: number) =>
      void lane
        .turn(new AbortController().signal, { flow: 'pool', urgency })
        .then(() => order.push(name));
    wait('short', 10);
    wait('long', 500);
    wait('as long', 500);
    wait('longest', 900);
    for (let turn = 0; turn < 4; turn += 1) await give();
    expect(order).toEqual(['longest', 'long', 'as long', 'short']);
  });

  it('serves flows in turn, however urgent the attempts of one are', async () => {
    const { lane, give } = openLane();
    const order: string[] = [];
    const wait = (flow: string, urgency: number) =>
      void lane
        .turn(new AbortController().signal, { flow, urgency })
        .then(() => order.push(`${flow} ${urgency}`));
    for (const urgency of [900, 800, 700]) wait('large', urgency);
    for (const urgency of [3, 5]) wait('small', urgency);
    for (let turn = 0; turn < 5; turn += 1) await give();
    expect(order).toEqual(['large 900', 'small 5', 'large 800', 'small 3', 'large 700']);
  });

  it('lets nobody wait over a minute for the more urgent', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const { lane, give } = openLane();
    const order: string[] = [];
    const wait = (name: string, urgency: number) =>
      void lane
        .turn(new AbortController().signal, { flow: 'pool', urgency })
        .then(() => order.push(name));
    wait('short', 1);
    vi.advanceTimersByTime(59_000);
    wait('long', 500);
    await give();
    expect(order).toEqual(['long']);
    wait('long again', 500);
    vi.advanceTimersByTime(2_000);
    await give();
    await give();
    expect(order).toEqual(['long', 'short', 'long again']);
  });
});
