import { describe, expect, test } from 'vitest';
import { EndlessChainError } from '../../src/cognito/errors.ts';
import { ChainWatch } from '../../src/cognito/pages.ts';
import fc from '../support/fast-check.ts';

/** How many pages are followed of a chain, until it is found to be endless or `most` were. */
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
  test('that goes round in a circle is found out, wherever the circle begins and however long it is', () => {
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

  test('that brings nothing is found out, though its tokens are new', () => {
    const page = (i: number) => ({ items: [], nextToken: `token ${i}` });
    expect(follow(page, 2_000)).toBe(999);
  });

  test('that brings many more than there can be is found out', () => {
    const page = (i: number) => ({ items: Array(60).fill('someone'), nextToken: `token ${i}` });
    const most = 20_000;
    expect(follow(page, most)).toBeLessThan(most);
  });

  test('is followed to its end where empty pages come between, and ends as it likes', () => {
    const page = (i: number) => ({
      items: i % 999 === 0 ? ['someone'] : [],
      nextToken: i === 49_999 ? null : `token ${i}`,
    });
    expect(follow(page, 50_000)).toBe(50_000);
  });
});
