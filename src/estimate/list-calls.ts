/**
 * How many calls a snapshot's lists take, worked out from their sizes. The walks over users are cut
 * as `walk-users.ts` cuts them; `sub` is taken to spread evenly. Pure.
 */

import { FULL_PAGE } from '../cognito/pages.ts';
import { shouldSplit } from '../cognito/shards.ts';

/** What a pool's lists hold. */
export interface ListSizes {
  readonly users: number;
  /** The members of each group; null where nobody knows. */
  readonly members: readonly (number | null)[];
}

/** Calls by operation, and those of the longest chain among them: each needs the token before. */
export interface ListCalls {
  readonly listUsers: number;
  readonly listUsersInGroup: number;
  readonly longestChain: number;
}

/**
 * The calls that lists of these sizes take. A group of unknown size counts as one call, which is
 * the least that it takes.
 *
 * @param perPage items that a page has on average, 1 to 60.
 */
export function listCalls({ users, members }: ListSizes, perPage: number): ListCalls {
  const { shards, cuts, depth } = shardsOf(users, perPage);
  const ofShard = shards === 1 ? wholePages(users, perPage) : averagePages(users / shards, perPage);
  const ofGroups = members.map((count) => wholePages(count ?? 0, perPage));
  return {
    listUsers: Math.round(cuts + shards * ofShard),
    listUsersInGroup: ofGroups.reduce((sum, pages) => sum + pages, 0),
    longestChain: ofGroups.reduce(
      (most, pages) => Math.max(most, pages),
      Math.ceil(depth + ofShard),
    ),
  };
}

/** Halvings of the range of page sizes: it is 60 wide, so what is left is below a thousandth. */
const HALVINGS = 16;

/**
 * How many items a page had on average, where lists of these sizes took so many calls: 60 where
 * they took no more than full pages do. So the next snapshot's estimate has whatever made for more:
 * short pages, a `sub` that does not spread evenly, lists that were begun anew.
 */
export function computeItemsPerPage(sizes: ListSizes, calls: number): number {
  const callsAt = (perPage: number) => {
    const { listUsers, listUsersInGroup } = listCalls(sizes, perPage);
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

/** The shards that so many users are read in, and the pages that were read before their cuts. */
function shardsOf(users: number, perPage: number): { shards: number; cuts: number; depth: number } {
  let [shards, cuts, depth] = [1, 0, 0];
  const isCut = () => {
    const expected = users / shards;
    const prefix = '0'.repeat(depth);
    return (
      expected > perPage && shouldSplit({ prefix, expected, total: users, itemsRead: perPage })
    );
  };
  while (isCut()) {
    cuts += shards;
    shards *= 16;
    depth += 1;
  }
  return { shards, cuts, depth };
}

/** Pages of a list of known length; an empty one takes a call too. */
function wholePages(items: number, perPage: number): number {
  return Math.max(1, Math.ceil(items / perPage));
}

/** Pages of a list of about this length: the last is half full on average. */
function averagePages(items: number, perPage: number): number {
  return Math.max(1, items / perPage + 0.5);
}
