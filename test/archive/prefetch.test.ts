import { expect, test } from 'vitest';
import { prefetch } from '../../src/archive/write-parts.ts';

test('prefetches the given number of items and no more', async () => {
  const produced: number[] = [];
  async function* items() {
    for (let item = 0; item < 5; item += 1) {
      produced.push(item);
      yield item;
    }
  }
  const seen: [number, number][] = [];
  for await (const item of prefetch(items(), 2, () => {})) {
    await new Promise(setImmediate);
    seen.push([item, produced.length]);
  }
  expect(seen).toEqual([
    [0, 3],
    [1, 4],
    [2, 5],
    [3, 5],
    [4, 5],
  ]);
});

test('throws a failure after the items before it', async () => {
  async function* items() {
    yield 'first';
    throw new Error('no second');
  }
  const seen: string[] = [];
  const read = async () => {
    for await (const item of prefetch(items(), 2, () => {})) seen.push(item);
  };
  await expect(read()).rejects.toThrow('no second');
  expect(seen).toEqual(['first']);
});

test('abandons and awaits the prefetched items when the caller stops early', async () => {
  const stop = new AbortController();
  let cleared = false;
  async function* items() {
    try {
      yield 'first';
      await new Promise((_, reject) => {
        stop.signal.addEventListener('abort', () => reject(stop.signal.reason));
      });
    } finally {
      cleared = true;
    }
  }
  const read = async () => {
    const parts = prefetch(items(), 2, () => stop.abort());
    for await (const part of parts) throw new Error(`${part} is enough`);
  };
  await expect(read()).rejects.toThrow('first is enough');
  expect(cleared).toBe(true);
});
