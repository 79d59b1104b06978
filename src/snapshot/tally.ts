import type { Walk } from '../postgres/stage/walk.ts';
import type { SnapshotProgress, WalkTally } from '../telemetry/snapshot-progress.ts';

/** Counts walks, and what they have read, into the progress of their snapshot. */
export function tallyWalks(progress: SnapshotProgress, walks: readonly Walk[]): void {
  for (const walk of walks) {
    if (walk.state !== 'open' && walk.state !== 'done') continue;
    const tally = progress.walks[walk.kind];
    tally.walks += 1;
    tally.items += walk.items;
    if (walk.state === 'done') tally.walksDone += 1;
  }
}

/** Counts a page that was read and committed. */
export function countPage(tally: WalkTally, items: number): void {
  tally.items += items;
  tally.read += items;
}

/** Takes back a walk that counts for nothing any more, and the items that it had read. */
export function untallyWalk(progress: SnapshotProgress, walk: Walk, items: number): void {
  const tally = progress.walks[walk.kind];
  tally.walks -= 1;
  tally.items -= items;
}
