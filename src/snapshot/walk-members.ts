import type { User } from '../model/directory.ts';
import { commitGroups } from '../postgres/store/commit-groups.ts';
import type { Walk } from '../postgres/store/walks.ts';
import type { SnapshotContext } from './context.ts';
import { estimateRemaining } from './expected-sizes.ts';
import { prefetchPages } from './prefetch.ts';
import { addWalks, countPage } from './tally.ts';

/** By how much the service's clock may differ from Postgres's. */
const CLOCK_TOLERANCE_MS = 5 * 60 * 1000;

/**
 * Reads the members of one group. A page has whole profiles, but the walks over users read those too.
 * So only profiles that changed since the snapshot began are staged a second time. An older profile
 * that no walk over users returned shows up at the check, as an orphan membership.
 */
export async function walkMembers(
  context: SnapshotContext,
  start: Walk,
  signal: AbortSignal,
): Promise<Walk[]> {
  const { cognito, committer, lease, expected, progress } = context;
  const tally = progress.walks.members;
  const since = lease.snapshotAt.getTime() - CLOCK_TOLERANCE_MS;
  const from = { token: start.token, remaining: estimateRemaining(start, expected) };
  const pages = cognito.memberPages(lease.poolId, start.groupName ?? '', from, signal);
  for await (const page of prefetchPages(pages, context.pause)) {
    await committer.commit({
      walk: start,
      nextToken: page.nextToken,
      sentAt: page.sentAt,
      waitedMs: page.waitedMs,
      retries: page.retries,
      users: page.items.filter((user) => mayHaveChanged(user, since)),
      members: page.items,
    });
    countPage(tally, page.items.length);
  }
  tally.walksDone += 1;
  return [];
}

function mayHaveChanged(user: User, since: number): boolean {
  const touched = Math.max(user.createdAt?.getTime() ?? since, user.modifiedAt?.getTime() ?? since);
  return touched >= since;
}

/** Reads all groups, and finds a walk over the members of each. */
export async function walkGroups(
  context: SnapshotContext,
  start: Walk,
  signal: AbortSignal,
): Promise<Walk[]> {
  const { cognito, db, lease, progress } = context;
  const tally = progress.walks.groups;
  const found: Walk[] = [];
  const from = { token: start.token };
  for await (const page of cognito.groupPages(lease.poolId, from, signal)) {
    const added = await commitGroups(db, lease, {
      walk: start,
      nextToken: page.nextToken,
      sentAt: page.sentAt,
      waitedMs: page.waitedMs,
      retries: page.retries,
      groups: page.items,
    });
    countPage(tally, page.items.length);
    addWalks(progress, added);
    found.push(...added);
  }
  tally.walksDone += 1;
  return found;
}
