import type pg from 'pg';
import { expect, test } from 'vitest';
import type { Mirror } from '../../src/index.ts';
import type { User } from '../../src/model/directory.ts';
import { snapshotId } from '../../src/model/snapshot.ts';
import { publish } from '../../src/postgres/store/publish.ts';
import fc from '../support/fast-check.ts';
import { drawnHistory, hold, keepMfa, type State, type Taken, take } from './drawn-pool.ts';
import {
  type AskedPool,
  checkAccess,
  checkDiffs,
  checkHistories,
  checkReviews,
  diff,
} from './laws.ts';
import { mirrorForEach } from './mirror.ts';
import { changesBetween, groupsOf } from './model.ts';

let db: pg.Pool;
let mirror: Mirror;
mirrorForEach((made) => {
  ({ db, mirror } = made);
});

/** Each drawn history gets a pool of its own in one database. */
let pools = 0;

async function takeAll(states: readonly State[]): Promise<AskedPool> {
  pools += 1;
  const poolId = `eu-west-1_Drawn${pools}`;
  const taken: Taken[] = [];
  for (const state of states) taken.push(await take(db, poolId, state));
  return { history: mirror, poolId, taken };
}

test('diff is that of a plain model, between any two snapshots', async () => {
  await fc.assert(
    fc.asyncProperty(drawnHistory, async (states) => checkDiffs(await takeAll(states))),
    { numRuns: 12, endOnFailure: true },
  );
}, 300_000);

test('diff shows of a held snapshot what its release then changes', async () => {
  await fc.assert(
    fc.asyncProperty(drawnHistory, fc.boolean(), fc.nat(), async (states, isFirst, n) => {
      const { poolId, taken } = await takeAll(isFirst ? [] : states.slice(0, -1));
      const { next, lost } = loseSome(
        taken.at(-1),
        keepMfa(taken.at(-1), states.at(-1) as State),
        n,
      );
      const lease = await hold(db, poolId, next, lost);
      const shown = [];
      for (const from of isFirst ? ['latest'] : taken.map(({ id }) => id)) {
        const { reason, ...found } = await diff({ history: mirror, poolId }, { from, to: 'held' });
        expect(reason).toBe('The test holds it.');
        shown.push(found);
      }
      const to = snapshotId(lease.snapshotAt);
      expect(shown.map(({ changes }) => changes)).toEqual(
        (isFirst ? [null] : taken).map((before) => changesBetween(before, next)),
      );
      if (isFirst) {
        expect(shown).toMatchObject([{ poolId, from: null, to }]);
        return;
      }
      await publish(db, lease, 'held');
      for (const [index, { id }] of taken.entries()) {
        expect(await diff({ history: mirror, poolId }, { from: id, to })).toEqual(shown[index]);
      }
    }),
    { numRuns: 20, endOnFailure: true },
  );
}, 300_000);

/**
 * A state in which some users of the state before are unchanged, and their names: those whom the
 * listings lose. Their memberships in groups that still exist are unchanged too.
 */
function loseSome(
  before: State | undefined,
  after: State,
  n: number,
): { next: State; lost: string[] } {
  const kept = (before?.users ?? []).filter((_, index) => (n >> index) % 3 === 1);
  const lost = kept.map(({ username }) => username);
  const others = (users: readonly User[] = []) =>
    users.filter(({ username }) => !lost.includes(username));
  const membersOf = (groupName: string) => [
    ...others(after.members[groupName]),
    ...kept.filter((user) => before && groupsOf(before, user).includes(groupName)),
  ];
  const members = after.groups.map(({ groupName }) => [groupName, membersOf(groupName)] as const);
  return {
    next: {
      ...after,
      users: [...others(after.users), ...kept],
      members: Object.fromEntries(members),
    },
    lost,
  };
}

test('history is that of a plain model, for any name, sub and e-mail address', async () => {
  await fc.assert(
    fc.asyncProperty(drawnHistory, async (states) => checkHistories(await takeAll(states))),
    { numRuns: 8, endOnFailure: true },
  );
}, 300_000);

test('access is that of a plain model, for any group and user at any snapshot', async () => {
  await fc.assert(
    fc.asyncProperty(drawnHistory, async (states) => checkAccess(await takeAll(states))),
    { numRuns: 8, endOnFailure: true },
  );
}, 300_000);

test('a review has the memberships of a plain model, and tells what became of each', async () => {
  await fc.assert(
    fc.asyncProperty(drawnHistory, fc.boolean(), async (states, hasApostrophes) =>
      checkReviews(await takeAll(states), hasApostrophes),
    ),
    { numRuns: 12, endOnFailure: true },
  );
}, 300_000);
