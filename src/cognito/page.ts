import { ChainWatch } from './chain-watch.ts';

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
