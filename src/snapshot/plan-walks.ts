import { withLease } from '../postgres/store/leases.ts';
import { findReadingRecord } from '../postgres/store/pools.ts';
import { readExpectedSizes } from '../postgres/store/sizes.ts';
import { addWalks, allWalks, markSingleChain, type Walk } from '../postgres/store/walks.ts';
import type { SnapshotProgress, WalkTally } from '../telemetry/snapshot-progress.ts';
import type { SnapshotContext } from './context.ts';

/**
 * The walks that the snapshot still needs: those that are open where it was begun before, else one
 * over all groups and one over all users. The first adds a walk over the members of each group;
 * the second is cut into shards once its first page has shown what the pool looks like, unless an
 * earlier reading showed that shards would lose users.
 */
export async function planWalks(context: SnapshotContext): Promise<Walk[]> {
  const { db, lease, progress } = context;
  const users = await expectSizes(context);
  let walks = await allWalks(db, lease);
  if (walks.length === 0) {
    walks = await withLease(db, lease, ['walking'], async (client) => {
      const singleChain =
        lease.singleChain || (await findReadingRecord(client, lease.poolId)).singleChain;
      if (singleChain) await markSingleChain(client, lease);
      return addWalks(client, lease, [
        { kind: 'groups', prefix: null, groupName: null, expected: null },
        { kind: 'users', prefix: singleChain ? null : '', groupName: null, expected: users },
      ]);
    });
  }
  tallyWalks(progress, walks);
  return walks.filter((walk) => walk.state === 'open');
}

/**
 * Notes in the snapshot's progress what there is to read.
 *
 * @returns how many users are expected.
 */
export async function expectSizes({ db, lease, pool, progress }: SnapshotContext): Promise<number> {
  const sizes = await readExpectedSizes(db, lease);
  // The estimate is of undocumented freshness, the last snapshot a run old: the larger is safer.
  const users = Math.max(pool.estimatedUsers, sizes.users);
  progress.walks.users.expected = users;
  progress.walks.groups.expected = sizes.groups || null;
  progress.walks.members.expected = sizes.memberships || null;
  return users;
}

/**
 * How many items a walk is expected to have before it: the chain that is longest must begin first,
 * and wait least, as it cannot be sped up. One of unknown length may hold the whole pool.
 */
export function estimateRemaining(
  walk: Walk,
  { pool, progress }: Pick<SnapshotContext, 'pool' | 'progress'>,
): number {
  // The walk over groups finds the others: nothing may go before it.
  if (walk.kind === 'groups') return Number.MAX_SAFE_INTEGER;
  const users = progress.walks.users.expected ?? pool.estimatedUsers;
  return Math.max((walk.expected ?? users) - walk.items, 0);
}

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
