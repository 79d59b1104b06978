import { expectedSizes } from '../postgres/directory/expected-sizes.ts';
import { fenced } from '../postgres/run.ts';
import type { Walk } from '../postgres/stage/walk.ts';
import { addWalks, allWalks, markSerial } from '../postgres/stage/walks.ts';
import { readingNote } from '../postgres/state/pool-notes.ts';
import type { SnapshotContext } from './context.ts';
import { tallyWalks } from './tally.ts';

/**
 * The walks that the snapshot still needs: those that are open where it was begun before, else one
 * over all groups and one over all users. The first adds a walk over the members of each group;
 * the second is cut into shards once its first page has shown what the pool looks like, unless an
 * earlier reading showed that shards would lose users.
 */
export async function plan(context: SnapshotContext): Promise<Walk[]> {
  const { db, run, progress } = context;
  const users = await expectSizes(context);
  let walks = await allWalks(db, run);
  if (walks.length === 0) {
    walks = await fenced(db, run, ['walking'], async (client) => {
      const serial = run.serial || (await readingNote(client, run.poolId)).serial;
      if (serial) await markSerial(client, run);
      return addWalks(client, run, [
        { kind: 'groups', prefix: null, groupName: null, expected: null },
        { kind: 'users', prefix: serial ? null : '', groupName: null, expected: users },
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
export async function expectSizes({ db, run, pool, progress }: SnapshotContext): Promise<number> {
  const sizes = await expectedSizes(db, run);
  // The estimate is of undocumented freshness, the last snapshot a run old: the larger is safer.
  const users = Math.max(pool.estimatedUsers, sizes.users);
  progress.walks.users.expected = users;
  progress.walks.groups.expected = sizes.groups || null;
  progress.walks.members.expected = sizes.memberships || null;
  return users;
}
