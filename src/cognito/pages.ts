import { EndlessChainError } from './errors.ts';

/** The most items that the service gives in a page (API reference: Limit, 0 to 60). */
export const FULL_PAGE = 60;

/** Where to begin a walk: at its first page, or where a token leads. */
export interface PageStart {
  readonly token: string | null;
  /**
   * Items expected from here to the end, 0 where absent. At the bucket the walk that has most before
   * it goes first: a chain cannot be sped up, so the longest must not wait for shorter ones.
   */
  readonly remaining?: number;
}

/** One API response of a walk. */
export interface Page<T> {
  readonly items: T[];
  /** Null where the walk ends here. */
  readonly nextToken: string | null;
  /** When the request that gave this page was sent, on the clock of `performance.now()`, in ms. */
  readonly sentAt: number;
}

/**
 * Follows a chain of page tokens to its end, which is an absent token alone: a page may be short
 * or empty. Throws EndlessChainError where there is none.
 */
export async function* followPages<
  P extends { readonly items: readonly unknown[]; readonly nextToken: string | null },
>(start: PageStart, ask: (token: string | null) => Promise<P>): AsyncGenerator<P, void, undefined> {
  const watch = new ChainWatch(start.token, start.remaining ?? null);
  let token = start.token;
  for (;;) {
    const page = await ask(token);
    watch.follow(page);
    yield page;
    if (page.nextToken === null) return;
    token = page.nextToken;
  }
}

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
