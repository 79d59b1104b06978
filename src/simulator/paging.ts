import type { Call } from './call.ts';
import { injected } from './errors.ts';
import { hashText, mix, Random } from './generate/random.ts';
import { refusedToken, scopeOf } from './page-token.ts';

/** The most items of a page, and what an absent or zero limit means. */
const FULL_PAGE = 60;

/** Items looked at for one page: a filter that matches few gives short and empty pages. */
const SCAN_LIMIT = 5000;

type Position = number | string;

/** A listing that can be read in pages. Items are ids or names. */
export interface Listing<Item extends number | string> {
  readonly limit: number | undefined;
  readonly token: string | undefined;
  /** The parameters that must stay the same along a chain. */
  readonly scope: readonly unknown[];
  /** The items from a position on, or from the start. */
  readonly steps: (from: Position | undefined) => Iterable<{ item: Item; after: Position }>;
  /** An item's JSON, or undefined for one that the listing leaves out. */
  readonly render: (item: Item) => string | undefined;
  /** True for listings of users, which alone can meet the repeated user. */
  readonly ofUsers?: boolean;
}

/** One page: its items as a JSON array, and the token of the next unless it was the last. */
export interface Page {
  readonly json: string;
  readonly token: string | undefined;
}

/** Reads the page that a call asks for, with the faults that it meets. */
export function readPage<Item extends number | string>(call: Call, listing: Listing<Item>): Page {
  const { tokens } = call.services;
  const scope = scopeOf(call.operation, listing.scope);
  const state =
    listing.token === undefined ? undefined : tokens.redeem(listing.token, scope, call.requestId);
  if (listing.token !== undefined && strikes(call, 'token-refused')) {
    throw injected(refusedToken(listing.token, call.requestId));
  }
  const limit = listing.limit || FULL_PAGE;
  const afterEmpty = state?.afterEmpty === true;
  const empty = !afterEmpty && strikes(call, 'empty-page');
  const fill = new Random(mix(hashText(scope), hashText(`${state?.position}`)));
  const size = empty ? 0 : Math.max(pageSize(call, limit, fill), afterEmpty ? 1 : 0);
  let json = size > 1 ? (repeatedUser(call, listing, state?.last) ?? '') : '';
  let count = json === '' ? 0 : 1;
  let position = state?.position;
  let last = state?.last;
  let scanned = 0;
  for (const { item, after } of listing.steps(position)) {
    // A full page gives a token only if the listing has something beyond it.
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

function strikes(call: Call, fault: 'token-refused' | 'empty-page' | 'short-page' | 'repeat-user') {
  return call.services.faults.strikes(fault, call.operation);
}

/** The last user of the page before, where the fault strikes and the user is still there. */
function repeatedUser<Item extends number | string>(
  call: Call,
  listing: Listing<Item>,
  last: number | string | undefined,
): string | undefined {
  if (listing.ofUsers !== true || last === undefined) return undefined;
  return strikes(call, 'repeat-user') ? listing.render(last as Item) : undefined;
}

/**
 * How many items a page holds at most: `pageFill` of the limit on average.
 *
 * @param fill the page's own randomness, so that a listing has the same pages whatever else is asked
 *   for meanwhile.
 */
function pageSize(call: Call, limit: number, fill: Random): number {
  const { pageFill, random } = call.services;
  if (strikes(call, 'short-page')) return 1 + random.below(Math.floor(limit / 2));
  if (pageFill === 1) return limit;
  const spread = Math.min(pageFill, 1 - pageFill);
  const share = pageFill + (fill.fraction() * 2 - 1) * spread;
  return Math.min(limit, Math.floor(share * limit + fill.fraction()));
}
