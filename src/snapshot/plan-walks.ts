import { withLease } from '../postgres/store/leases.ts';
import { findReadingRecord } from '../postgres/store/readings.ts';
import { markSingleChain } from '../postgres/store/replace-walks.ts';
import { READING_STATES } from '../postgres/store/states.ts';
import { addWalks, listWalks, type Walk } from '../postgres/store/walks.ts';
import type { SnapshotContext } from './context.ts';
import { showWalks } from './tally.ts';

/**
 * The walks that the snapshot still needs. A new snapshot starts with one walk over all groups and
 * one over all users. The first adds a walk over the members of each group. The second is split into
 * shards after its first page, unless an earlier reading showed that shards lose users.
 */
export async function planWalks(context: SnapshotContext): Promise<Walk[]> {
  const { db, lease, progress, expected } = context;
  let walks = await listWalks(db, lease);
  if (walks.length === 0) {
    walks = await withLease(db, lease, READING_STATES, async (client) => {
      const singleChain =
        lease.singleChain || (await findReadingRecord(client, lease.poolId)).singleChain;
      if (singleChain) await markSingleChain(client, lease);
      return addWalks(client, lease, [
        { kind: 'groups', prefix: null, groupName: null, expected: null },
        {
          kind: 'users',
          prefix: singleChain ? null : '',
          groupName: null,
          expected: expected.users,
        },
      ]);
    });
  }
  showWalks(progress, walks);
  return walks.filter((walk) => walk.state === 'open');
}
