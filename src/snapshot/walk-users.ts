import {
  estimateChildren,
  hasChild,
  isInside,
  listChildren,
  shouldSplit,
} from '../cognito/shards.ts';
import type { User } from '../model/directory.ts';
import { countUsersByNextDigit } from '../postgres/store/expected-sizes.ts';
import { replaceWithSingleChain, splitWalk } from '../postgres/store/replace-walks.ts';
import type { Walk } from '../postgres/store/walks.ts';
import type { SnapshotContext } from './context.ts';
import { estimateRemaining } from './expected-sizes.ts';
import { prefetchPages } from './prefetch.ts';
import { addWalks, countPage, removeWalk } from './tally.ts';

/**
 * Reads the users of one shard. A large shard is split into sixteen, whose walks replace this one. A
 * single chain over all users replaces all shards in two cases: a user outside the shard shows that the
 * server does not filter by `sub`, or a user's `sub` is outside all sixteen.
 *
 * @returns the walks that replace this one.
 */
export async function walkUsers(
  context: SnapshotContext,
  start: Walk,
  signal: AbortSignal,
): Promise<Walk[]> {
  const { cognito, committer, lease, expected, progress, log } = context;
  const tally = progress.walks.users;
  const prefix = start.prefix ?? '';
  let items = start.items;
  const from = { token: start.token, remaining: estimateRemaining(start, expected) };
  const pages = cognito.userPages(lease.poolId, prefix, from, signal);
  for await (const page of prefetchPages(pages, context.pause)) {
    if (!page.items.every((user) => isInside(prefix, user.sub))) {
      log.warn(
        { poolId: lease.poolId },
        'a shard returned a user of another shard: reading all users in a single chain',
      );
      return fallBackToSingleChain(context);
    }
    items += page.items.length;
    const shard = {
      prefix,
      expected: start.expected ?? 0,
      total: expected.users,
      itemsRead: items,
    };
    if (start.prefix !== null && page.nextToken !== null && shouldSplit(shard)) {
      if (page.items.some((user) => !hasChild(prefix, user.sub)))
        return fallBackToSingleChain(context);
      return split(context, start, page.items);
    }
    await committer.commit({
      walk: start,
      nextToken: page.nextToken,
      sentAt: page.sentAt,
      waitedMs: page.waitedMs,
      retries: page.retries,
      users: page.items,
      members: [],
    });
    countPage(tally, page.items.length);
  }
  tally.walksDone += 1;
  return [];
}

/** Replaces all shards by a single chain over all users. */
export async function fallBackToSingleChain(context: SnapshotContext): Promise<Walk[]> {
  const { db, lease, expected, progress } = context;
  const walk = await replaceWithSingleChain(db, lease, expected.users);
  if (walk === null) return [];
  Object.assign(progress.walks.users, { items: 0, walks: 1, walksDone: 0 });
  return [walk];
}

/** Splits a shard into sixteen. Their sizes come from the last snapshot, else from this page. */
async function split(
  context: SnapshotContext,
  shard: Walk,
  sample: readonly User[],
): Promise<Walk[]> {
  const { db, lease, progress } = context;
  const prefix = shard.prefix ?? '';
  const known =
    lease.comparedWith === null ? new Map() : await countUsersByNextDigit(db, lease, prefix);
  const expected = estimateChildren(prefix, shard.expected ?? 0, known.size > 0 ? known : sample);
  const { walks, lostItems } = await splitWalk(
    db,
    lease,
    shard,
    listChildren(prefix).map((child, digit) => ({
      kind: 'users',
      prefix: child,
      groupName: null,
      expected: Math.ceil(expected[digit] ?? 0),
    })),
  );
  removeWalk(progress, shard, lostItems);
  addWalks(progress, walks);
  return walks;
}
