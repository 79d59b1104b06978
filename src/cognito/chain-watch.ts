import { EndlessChainError } from './errors.ts';

/** Empty pages are pages, as a filter may leave much out; so many in a row lead nowhere. */
const MOST_EMPTY_PAGES = 1_000;
/** A listing may have far more than was expected: the service's own estimate is of any age. */
const OVERRUN = 10;
const OVERRUN_ITEMS = 1_000_000;
/** A circle of at most so many pages is noticed in its first round. */
const REMEMBERED_TOKENS = 16;

/**
 * Notices a chain of page tokens that has no end: it goes round in a circle of any length, brings
 * nothing, or brings far more than there can be. Of the tokens it keeps the last few, and one of
 * earlier (Brent's algorithm), by which a longer circle is found after some three times its length.
 */
export class ChainWatch {
  readonly #mostItems: number;
  #items = 0;
  #emptyPages = 0;
  readonly #recent: (string | null)[];
  #kept: string | null;
  /** Tokens until the next is kept, and how many of them came. */
  #stretch = 1;
  #since = 0;

  /** @param expected items from here to the end; null where nobody knows. */
  constructor(token: string | null, expected: number | null) {
    this.#recent = [token];
    this.#kept = token;
    this.#mostItems =
      expected === null ? Number.POSITIVE_INFINITY : OVERRUN * expected + OVERRUN_ITEMS;
  }

  /** Throws EndlessChainError once the chain shows that it does not end. */
  follow(page: { readonly items: readonly unknown[]; readonly nextToken: string | null }): void {
    this.#items += page.items.length;
    this.#emptyPages = page.items.length === 0 ? this.#emptyPages + 1 : 0;
    if (page.nextToken === null) return;
    if (this.#emptyPages >= MOST_EMPTY_PAGES) {
      throw new EndlessChainError(`${MOST_EMPTY_PAGES} empty pages came one after the other`);
    }
    if (this.#items > this.#mostItems) {
      throw new EndlessChainError(
        `over ${this.#mostItems} items came, many more than there can be`,
      );
    }
    if (page.nextToken === this.#kept || this.#recent.includes(page.nextToken)) {
      throw new EndlessChainError('a page token came again');
    }
    this.#recent.push(page.nextToken);
    if (this.#recent.length > REMEMBERED_TOKENS) this.#recent.shift();
    this.#since += 1;
    if (this.#since < this.#stretch) return;
    this.#kept = page.nextToken;
    this.#stretch *= 2;
    this.#since = 0;
  }
}
