import { EndlessChainError } from './errors.ts';

/** The most items of a page (API reference: Limit, 0 to 60). */
export const FULL_PAGE = 60;

/** Where a walk starts: at its first page, or at a token. */
export interface PageStart {
  readonly token: string | null;
  /**
   * Items expected from here to the end. Default 0. In the fair queue the walk with the most goes
   * first: a chain cannot go faster, so the longest must not wait for shorter ones.
   */
  readonly remaining?: number;
}

/** One response to a list call. */
export interface Page<T> {
  readonly items: T[];
  /** Null at the end of the walk. */
  readonly nextToken: string | null;
  /** When the successful request was sent, by `performance.now()`, in milliseconds. */
  readonly sentAt: number;
  /** How long its request waited for permits, in milliseconds. */
  readonly waitedMs: number;
  /** How often its request was repeated. */
  readonly retries: number;
}

/**
 * Follows a chain of page tokens to its end. Only an absent token is the end: a page may be short or
 * empty. Throws EndlessChainError if the chain has no end.
 */
export async function* followPages<
  P extends { readonly items: readonly unknown[]; readonly nextToken: string | null },
>(
  start: PageStart,
  requestPage: (token: string | null) => Promise<P>,
): AsyncGenerator<P, void, undefined> {
  const watch = new ChainWatch(start.token, start.remaining ?? null);
  let token = start.token;
  for (;;) {
    const page = await requestPage(token);
    watch.check(page);
    yield page;
    if (page.nextToken === null) return;
    token = page.nextToken;
  }
}

/** A filter may empty many pages; this many in a row show that the chain has no end. */
const MOST_EMPTY_PAGES = 1_000;
/** A listing may have far more items than expected: the service's own estimate can be old. */
const OVERRUN = 10;
const OVERRUN_ITEMS = 1_000_000;
/** A circle of up to this many pages is found in its first round. */
const REMEMBERED_TOKENS = 16;

/**
 * Detects a chain of page tokens that has no end: a circle of any length, only empty pages, or far
 * too many items. It keeps the last few tokens and an earlier one (Brent's algorithm), which finds a
 * longer circle after about three times its length.
 */
export class ChainWatch {
  readonly #mostItems: number;
  #items = 0;
  #emptyPages = 0;
  readonly #recent: (string | null)[];
  #kept: string | null;
  /** How many tokens to wait before keeping the next, and how many have come since the last. */
  #stretch = 1;
  #since = 0;

  /** @param expected items from here to the end; null if unknown. */
  constructor(token: string | null, expected: number | null) {
    this.#recent = [token];
    this.#kept = token;
    this.#mostItems =
      expected === null ? Number.POSITIVE_INFINITY : OVERRUN * expected + OVERRUN_ITEMS;
  }

  /** Checks the next page. Throws EndlessChainError if the chain has no end. */
  check(page: { readonly items: readonly unknown[]; readonly nextToken: string | null }): void {
    this.#items += page.items.length;
    this.#emptyPages = page.items.length === 0 ? this.#emptyPages + 1 : 0;
    if (page.nextToken === null) return;
    if (this.#emptyPages >= MOST_EMPTY_PAGES) {
      throw new EndlessChainError(`it returned ${MOST_EMPTY_PAGES} empty pages in a row`);
    }
    if (this.#items > this.#mostItems) {
      throw new EndlessChainError(
        `it returned over ${this.#mostItems} items, far more than expected`,
      );
    }
    if (page.nextToken === this.#kept || this.#recent.includes(page.nextToken)) {
      throw new EndlessChainError('it repeated a page token');
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
