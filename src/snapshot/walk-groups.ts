import { commitGroups } from '../postgres/stage/commit-groups.ts';
import type { Walk } from '../postgres/stage/walk.ts';
import type { SnapshotContext } from './context.ts';
import { countPage, tallyWalks } from './tally.ts';

/** Reads all groups, and finds a walk over the members of each. */
export async function walkGroups(
  context: SnapshotContext,
  start: Walk,
  signal: AbortSignal,
): Promise<Walk[]> {
  const { cognito, db, run, progress } = context;
  const tally = progress.walks.groups;
  const found: Walk[] = [];
  const from = { token: start.token };
  for await (const page of cognito.groupPages(run.poolId, from, signal)) {
    const added = await commitGroups(db, run, {
      walk: start,
      nextToken: page.nextToken,
      sentAt: page.sentAt,
      groups: page.items,
    });
    countPage(tally, page.items.length);
    tallyWalks(progress, added);
    found.push(...added);
  }
  tally.walksDone += 1;
  return found;
}
