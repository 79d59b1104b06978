import { describe, expect, test } from 'vitest';
import { EndlessChainError } from '../../src/cognito/errors.ts';
import { ChainWatch } from '../../src/cognito/pages.ts';
import fc from '../support/fast-check.ts';

/** Follows a chain for at most `most` pages; returns the page at which it is found endless. */
function follow(
  pageAt: (i: number) => { items: unknown[]; nextToken: string | null },
  most: number,
) {
  const watch = new ChainWatch(null, 0);
  for (let i = 0; i < most; i += 1) {
    try {
      watch.check(pageAt(i));
    } catch (error) {
      expect(error).toBeInstanceOf(EndlessChainError);
      return i;
    }
  }
  return most;
}

describe('a chain of pages', () => {
  test('that is a circle is detected, for any start and length of the circle', () => {
    fc.assert(
      fc.property(fc.nat(300), fc.integer({ min: 1, max: 300 }), (before, circle) => {
        const page = (i: number) => {
          const place = i < before ? i : before + ((i - before) % circle);
          return { items: ['someone'], nextToken: `token ${place}` };
        };
        const most = 5 * (before + circle) + 5;
        expect(follow(page, most)).toBeLessThan(most);
      }),
    );
  });

  test('of empty pages is detected, though its tokens are new', () => {
    const page = (i: number) => ({ items: [], nextToken: `token ${i}` });
    expect(follow(page, 2_000)).toBe(999);
  });

  test('with far too many items is detected', () => {
    const page = (i: number) => ({ items: Array(60).fill('someone'), nextToken: `token ${i}` });
    const most = 20_000;
    expect(follow(page, most)).toBeLessThan(most);
  });

  test('with empty pages in between is followed to its end', () => {
    const page = (i: number) => ({
      items: i % 999 === 0 ? ['someone'] : [],
      nextToken: i === 49_999 ? null : `token ${i}`,
    });
    expect(follow(page, 50_000)).toBe(50_000);
  });
});
