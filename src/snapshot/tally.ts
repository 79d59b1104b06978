import { WALK_KINDS } from '../model/snapshot.ts';
import type { Walk } from '../postgres/store/walks.ts';
import type { SnapshotProgress, WalkTally } from '../telemetry/snapshot-progress.ts';
import type { ExpectedSizes } from './expected-sizes.ts';

/**
 * What displays show of the walks: only displays read it. Decisions use the checkpoints in Postgres
 * and `ExpectedSizes`.
 */

/** Shows how many items are expected in all. */
export function showExpected({ walks }: SnapshotProgress, expected: ExpectedSizes): void {
  walks.users.expected = expected.users;
  walks.groups.expected = expected.groups;
  walks.members.expected = expected.memberships;
}

/** Shows these walks as all walks of the snapshot. */
export function showWalks(progress: SnapshotProgress, walks: readonly Walk[]): void {
  for (const kind of WALK_KINDS) {
    Object.assign(progress.walks[kind], { items: 0, walks: 0, walksDone: 0 });
  }
  addWalks(progress, walks);
}

/** Adds walks that were found, and what they have read. */
export function addWalks(progress: SnapshotProgress, walks: readonly Walk[]): void {
  for (const walk of walks) {
    if (walk.state !== 'open' && walk.state !== 'done') continue;
    const tally = progress.walks[walk.kind];
    tally.walks += 1;
    tally.items += walk.items;
    if (walk.state === 'done') tally.walksDone += 1;
  }
}

/** Removes a walk that was split or dropped, and the items that it had read. */
export function removeWalk(progress: SnapshotProgress, walk: Walk, items: number): void {
  const tally = progress.walks[walk.kind];
  tally.walks -= 1;
  tally.items -= items;
}

/** Counts a page that was committed. */
export function countPage(tally: WalkTally, items: number): void {
  tally.items += items;
  tally.read += items;
}
