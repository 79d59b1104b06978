import { ResumableError } from '../model/errors.ts';

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

/** A server that goes round in a circle is noticed if the circle has at most so many pages. */
const REMEMBERED_TOKENS = 16;

/**
 * Follows a chain of page tokens to its end, which is an absent token alone: a page may be short
 * or empty. Throws ResumableError where the service gives a token a second time.
 */
export async function* followPages<P extends { readonly nextToken: string | null }>(
  start: PageStart,
  ask: (token: string | null) => Promise<P>,
): AsyncGenerator<P, void, undefined> {
  let token = start.token;
  const recent: string[] = [];
  for (;;) {
    if (token !== null) recent.push(token);
    if (recent.length > REMEMBERED_TOKENS) recent.shift();
    const page = await ask(token);
    if (page.nextToken !== null && recent.includes(page.nextToken)) {
      throw new ResumableError(
        'The service gave the same page token twice, so the listing would never end. Run it again later.',
      );
    }
    yield page;
    if (page.nextToken === null) return;
    token = page.nextToken;
  }
}
