/**
 * How many calls a snapshot's lists take, computed from their sizes. The walks over users are split as
 * in `walk-users.ts`, assuming an even spread of `sub`. Pure.
 */

import { FULL_PAGE } from '../cognito/pages.ts';
import { shouldSplit } from '../cognito/shards.ts';

/** The sizes of a pool's lists. */
interface ListSizes {
  readonly users: number;
  /** The members of each group; null if unknown. */
  readonly members: readonly (number | null)[];
}

/** Calls by operation, and the calls of the longest chain, which cannot run in parallel. */
export interface ListCalls {
  readonly listUsers: number;
  readonly listUsersInGroup: number;
  readonly longestChain: number;
}

/**
 * The calls that lists of these sizes take. A group of unknown size counts as one call, its minimum.
 *
 * @param perPage items that a page has on average, 1 to 60.
 */
export function countListCalls({ users, members }: ListSizes, perPage: number): ListCalls {
  const { shards, splits, depth } = countShards(users, perPage);
  const perShard =
    shards === 1 ? countPages(users, perPage) : estimatePages(users / shards, perPage);
  const perGroup = members.map((count) => countPages(count ?? 0, perPage));
  return {
    listUsers: Math.round(splits + shards * perShard),
    listUsersInGroup: perGroup.reduce((sum, pages) => sum + pages, 0),
    longestChain: perGroup.reduce(
      (most, pages) => Math.max(most, pages),
      Math.ceil(depth + perShard),
    ),
  };
}

/** Halvings of the range of page sizes. It is 60 wide, so the error is below a thousandth. */
const HALVINGS = 16;

/**
 * How many items a page had on average, if lists of these sizes took this many calls; 60 if full pages
 * would have taken as many. So the next estimate includes everything that costs extra calls: short
 * pages, an uneven spread of `sub`, restarted walks.
 */
export function computeItemsPerPage(sizes: ListSizes, calls: number): number {
  const callsAt = (perPage: number) => {
    const { listUsers, listUsersInGroup } = countListCalls(sizes, perPage);
    return listUsers + listUsersInGroup;
  };
  if (callsAt(FULL_PAGE) >= calls) return FULL_PAGE;
  let [low, high] = [1, FULL_PAGE];
  for (let i = 0; i < HALVINGS; i += 1) {
    const middle = (low + high) / 2;
    if (callsAt(middle) > calls) low = middle;
    else high = middle;
  }
  return high;
}

/** The shards that this many users are read in, and the pages read before the splits. */
function countShards(
  users: number,
  perPage: number,
): { shards: number; splits: number; depth: number } {
  let [shards, splits, depth] = [1, 0, 0];
  const isSplit = () => {
    const expected = users / shards;
    const prefix = '0'.repeat(depth);
    return (
      expected > perPage && shouldSplit({ prefix, expected, total: users, itemsRead: perPage })
    );
  };
  while (isSplit()) {
    splits += shards;
    shards *= 16;
    depth += 1;
  }
  return { shards, splits, depth };
}

/** Pages of a list of known length; an empty list also takes one call. */
function countPages(items: number, perPage: number): number {
  return Math.max(1, Math.ceil(items / perPage));
}

/** Pages of a list of roughly this length: the last page is half full on average. */
function estimatePages(items: number, perPage: number): number {
  return Math.max(1, items / perPage + 0.5);
}
