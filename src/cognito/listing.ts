import { ActionRequiredError } from '../model/errors.ts';
import type { Operation } from '../quota/quotas.ts';
import type { Caller } from './call.ts';
import { TokenRefusedError } from './errors.ts';
import { FULL_PAGE, followPages } from './pages.ts';
import { listGroups, listUsers, listUsersInGroup, type Range, type RawPage } from './requests.ts';
import type { Sdk } from './sdk.ts';

/** A listing for a person: the service's three list calls with all their parameters. */
export type Listing = ListingRange & {
  readonly poolId: string;
} & (
    | { readonly kind: 'users'; readonly filter?: string; readonly attributes?: readonly string[] }
    | { readonly kind: 'groups' }
    | { readonly kind: 'members'; readonly groupName: string }
  );

interface ListingRange {
  /** The most items of a page, 0 to 60. Default: the service chooses. */
  readonly pageSize?: number;
  /** The most items in all. Default: every item. */
  readonly maxItems?: number;
  /** The token at which an earlier listing with the same parameters stopped. */
  readonly startingToken?: string;
}

/** The service's own items as JSON values. Dates are ISO text. */
export interface ListingPage {
  readonly items: Record<string, unknown>[];
  /**
   * Where a listing that stops after this page can resume; null at its end. The last page is
   * requested with at most `maxItems`, so no item is between the page and the token.
   */
  readonly nextToken: string | null;
}

/** Lists until the end or `maxItems`. Throws ActionRequiredError for a bad starting token. */
export async function* listPages(
  sdk: Sdk,
  call: Caller,
  listing: Listing,
  signal: AbortSignal,
): AsyncGenerator<ListingPage, void, undefined> {
  let remaining = listing.maxItems ?? Number.POSITIVE_INFINITY;
  if (remaining <= 0) return;
  const start = { token: listing.startingToken ?? null };
  const pages = followPages(start, async (token) => {
    const limit = chooseLimit(listing.pageSize, remaining);
    const { value } = await call(
      {
        operation: OPERATIONS[listing.kind],
        poolId: listing.poolId,
        carriesToken: token !== null,
        carriesShardFilter: false,
        send: (abortSignal) => requestPage(sdk, listing, { limit, token }, abortSignal),
      },
      signal,
    ).catch((error: unknown) => {
      const isGiven = error instanceof TokenRefusedError && token === listing.startingToken;
      throw isGiven ? explainStartRefusal(error) : error;
    });
    return value;
  });
  for await (const page of pages) {
    remaining -= page.items.length;
    yield page;
    if (remaining <= 0) return;
  }
}

const OPERATIONS: Readonly<Record<Listing['kind'], Operation>> = {
  users: 'ListUsers',
  groups: 'ListGroups',
  members: 'ListUsersInGroup',
};

/** The page size to request; undefined if the service may choose. */
function chooseLimit(pageSize: number | undefined, remaining: number): number | undefined {
  if (remaining >= FULL_PAGE) return pageSize;
  return Math.min(pageSize || FULL_PAGE, remaining);
}

async function requestPage(
  sdk: Sdk,
  listing: Listing,
  range: Range,
  abortSignal: AbortSignal,
): Promise<ListingPage> {
  const { items, nextToken } = await requestRawPage(sdk, listing, range, abortSignal);
  return { items: items.map(formatDates), nextToken };
}

function requestRawPage(
  sdk: Sdk,
  listing: Listing,
  range: Range,
  abortSignal: AbortSignal,
): Promise<RawPage<object>> {
  switch (listing.kind) {
    case 'users':
      return listUsers(sdk, listing.poolId, range, listing, abortSignal);
    case 'groups':
      return listGroups(sdk, listing.poolId, range, abortSignal);
    case 'members':
      return listUsersInGroup(sdk, listing.poolId, range, listing.groupName, abortSignal);
  }
}

function formatDates(item: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(item).map(([key, value]) => [
      key,
      value instanceof Date ? (value.toJSON() as string | null) : value,
    ]),
  );
}

function explainStartRefusal(cause: TokenRefusedError): ActionRequiredError {
  return new ActionRequiredError(
    [
      {
        subject: '--starting-token',
        problem: 'the service refused the token.',
        remedy:
          'Use a token within an hour, with the same pool, group, filter and attributes, or start ' +
          'again without --starting-token.',
      },
    ],
    { cause },
  );
}
