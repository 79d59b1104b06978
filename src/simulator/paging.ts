import type { Call } from './call.ts';
import { injected } from './errors.ts';
import { hashText, mix, Random } from './generate/random.ts';
import { hashScope, invalidToken } from './page-token.ts';

/** The maximum page size, and the default for an absent or zero limit. */
const FULL_PAGE = 60;

/** The items scanned for one page. A filter that matches few items gives short or empty pages. */
const SCAN_LIMIT = 5000;

type Position = number | string;

/** A listing that is read in pages. Items are ids or names. */
export interface Listing<Item extends number | string> {
  readonly limit: number | undefined;
  readonly token: string | undefined;
  /** The parameters that must stay the same for all pages. */
  readonly scope: readonly unknown[];
  /** The items after a position, or from the start. */
  readonly steps: (from: Position | undefined) => Iterable<{ item: Item; after: Position }>;
  /** The JSON of an item, or undefined to skip it. */
  readonly render: (item: Item) => string | undefined;
  /** True for listings of users: only they can get the fault `repeat-user`. */
  readonly ofUsers?: boolean;
}

/** One page: its items as a JSON array, and the next token unless it is the last page. */
export interface Page {
  readonly json: string;
  readonly token: string | undefined;
}

/** Reads the page that a call requests, and applies faults. */
export function readPage<Item extends number | string>(call: Call, listing: Listing<Item>): Page {
  const { tokens } = call.services;
  const scope = hashScope(call.operation, listing.scope);
  const state =
    listing.token === undefined ? undefined : tokens.redeem(listing.token, scope, call.requestId);
  if (listing.token !== undefined && hasFault(call, 'token-refused')) {
    throw injected(invalidToken(listing.token, call.requestId));
  }
  const limit = listing.limit || FULL_PAGE;
  const afterEmpty = state?.afterEmpty === true;
  const empty = !afterEmpty && hasFault(call, 'empty-page');
  const fill = new Random(mix(hashText(scope), hashText(`${state?.position}`)));
  const size = empty ? 0 : Math.max(choosePageSize(call, limit, fill), afterEmpty ? 1 : 0);
  let json = size > 1 ? (repeatUser(call, listing, state?.last) ?? '') : '';
  let count = json === '' ? 0 : 1;
  let position = state?.position;
  let last = state?.last;
  let scanned = 0;
  for (const { item, after } of listing.steps(position)) {
    // A full page has a token only if more items follow.
    if (count >= size || scanned >= SCAN_LIMIT) {
      const next = { position, last, afterEmpty: size === 0 };
      return { json: `[${json}]`, token: tokens.issue(scope, next) };
    }
    const rendered = listing.render(item);
    if (rendered !== undefined) {
      json += count === 0 ? rendered : `,${rendered}`;
      count += 1;
    }
    position = after;
    last = item;
    scanned += 1;
  }
  return { json: `[${json}]`, token: undefined };
}

function hasFault(
  call: Call,
  fault: 'token-refused' | 'empty-page' | 'short-page' | 'repeat-user',
) {
  return call.services.faults.strikes(fault, call.operation);
}

/** The last user of the previous page, if the fault occurs and the user still exists. */
function repeatUser<Item extends number | string>(
  call: Call,
  listing: Listing<Item>,
  last: number | string | undefined,
): string | undefined {
  if (listing.ofUsers !== true || last === undefined) return undefined;
  return hasFault(call, 'repeat-user') ? listing.render(last as Item) : undefined;
}

/**
 * The maximum number of items on a page: `pageFill` of the limit on average.
 *
 * @param fill random numbers of this page, so that other requests do not change the pages of a
 *   listing.
 */
function choosePageSize(call: Call, limit: number, fill: Random): number {
  const { pageFill, random } = call.services;
  if (hasFault(call, 'short-page')) return 1 + random.below(Math.floor(limit / 2));
  if (pageFill === 1) return limit;
  const spread = Math.min(pageFill, 1 - pageFill);
  const share = pageFill + (fill.fraction() * 2 - 1) * spread;
  return Math.min(limit, Math.floor(share * limit + fill.fraction()));
}
