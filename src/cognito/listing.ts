import { ActionRequiredError } from '../model/errors.ts';
import type { Operation } from '../quota/quotas.ts';
import type { Caller } from './call.ts';
import { TokenRefusedError } from './errors.ts';
import { FULL_PAGE, followPages } from './pages.ts';
import { listGroups, listUsers, listUsersInGroup, type Range, type RawPage } from './requests.ts';
import type { Sdk } from './sdk.ts';

/** A listing as a person asks for it: the service's three list calls with all their parameters. */
export type Listing = ListingRange & {
  readonly poolId: string;
} & (
    | { readonly kind: 'users'; readonly filter?: string; readonly attributes?: readonly string[] }
    | { readonly kind: 'groups' }
    | { readonly kind: 'members'; readonly groupName: string }
  );

interface ListingRange {
  /** Items a page at most, 0 to 60; the service chooses where absent. */
  readonly pageSize?: number;
  /** Items in all; every item where absent. */
  readonly maxItems?: number;
  /** Where an earlier listing with the same parameters stopped. */
  readonly startingToken?: string;
}

/** The service's own items, as JSON values: dates are ISO text. */
export interface ListingPage {
  readonly items: Record<string, unknown>[];
  /**
   * Where a listing that stops after this page goes on; null at its end. As the last page asked
   * for is no larger than what is still wanted, nothing lies between the page and the token.
   */
  readonly nextToken: string | null;
}

/** Lists page by page, until the end or `maxItems`. Throws ConfigurationError for a bad token. */
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
    const limit = limitOf(listing.pageSize, remaining);
    const { value } = await call(
      {
        operation: OPERATIONS[listing.kind],
        poolId: listing.poolId,
        carriesToken: token !== null,
        carriesShardFilter: false,
        send: (abortSignal) => request(sdk, listing, { limit, token }, abortSignal),
      },
      signal,
    ).catch((error: unknown) => {
      const given = error instanceof TokenRefusedError && token === listing.startingToken;
      throw given ? refusedStart(error) : error;
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

/** The page size to ask for; none where the service may choose. */
function limitOf(pageSize: number | undefined, remaining: number): number | undefined {
  if (remaining >= FULL_PAGE) return pageSize;
  return Math.min(pageSize || FULL_PAGE, remaining);
}

async function request(
  sdk: Sdk,
  listing: Listing,
  range: Range,
  abortSignal: AbortSignal,
): Promise<ListingPage> {
  const { items, nextToken } = await rawPage(sdk, listing, range, abortSignal);
  return { items: items.map(withTextDates), nextToken };
}

function rawPage(
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

function withTextDates(item: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(item).map(([key, value]) => [
      key,
      value instanceof Date ? (value.toJSON() as string | null) : value,
    ]),
  );
}

function refusedStart(cause: TokenRefusedError): ActionRequiredError {
  return new ActionRequiredError(
    [
      {
        subject: '--starting-token',
        problem: 'the service refused it.',
        remedy:
          'Use it within an hour and with the same pool, group, filter and attributes as before, ' +
          'or begin anew without it.',
      },
    ],
    { cause },
  );
}
