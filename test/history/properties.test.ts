import type pg from 'pg';
import { expect, test } from 'vitest';
import type {
  Change,
  Diff,
  DiffQuestion,
  Member,
  Mirror,
  ReviewRow,
  Revocation,
} from '../../src/index.ts';
import type { User } from '../../src/model/directory.ts';
import { snapshotId } from '../../src/model/snapshot.ts';
import { publish } from '../../src/postgres/store/publish.ts';
import fc from '../support/fast-check.ts';
import { drawnHistory, hold, type State, type Taken, take } from './drawn-pool.ts';
import { mirrorForEach } from './mirror.ts';
import {
  byUsername,
  changesBetween,
  groupsOf,
  historyOf,
  linkedTo,
  profilesOf,
  roleOf,
} from './model.ts';

let db: pg.Pool;
let mirror: Mirror;
mirrorForEach((made) => {
  ({ db, mirror } = made);
});

/** Each drawn history gets a pool of its own in one database. */
let pools = 0;

async function takeAll(states: readonly State[]): Promise<{ poolId: string; taken: Taken[] }> {
  pools += 1;
  const poolId = `eu-west-1_Drawn${pools}`;
  const taken: Taken[] = [];
  for (const state of states) taken.push(await take(db, poolId, state));
  return { poolId, taken };
}

async function diff(
  poolId: string,
  question?: DiffQuestion,
): Promise<Diff & { changes: Change[] }> {
  const all: Change[] = [];
  const result = await mirror.diff(
    poolId,
    async (_, batches) => {
      for await (const changes of batches) all.push(...changes);
    },
    question,
  );
  return { ...result, changes: all };
}

/** The counts of a summary, from a plain list. */
function tally(changes: readonly Change[]) {
  const count = (entity: string, kind: string) =>
    changes.filter((change) => change.entity === entity && change.kind === kind).length;
  const moved = (way: 'added' | 'removed') =>
    changes.reduce((sum, each) => sum + ('groups' in each ? each.groups[way].length : 0), 0);
  const basic = (entity: string) => ({
    added: count(entity, 'added'),
    removed: count(entity, 'removed'),
    modified: count(entity, 'modified'),
  });
  return {
    users: { ...basic('user'), replaced: count('user', 'replaced') },
    groups: basic('group'),
    memberships: { added: moved('added'), removed: moved('removed') },
  };
}

test('diff is that of a plain model, between any two snapshots', async () => {
  await fc.assert(
    fc.asyncProperty(drawnHistory, async (states) => {
      const { poolId, taken } = await takeAll(states);
      for (const [index, to] of taken.entries()) {
        for (const from of taken.slice(0, index + 1)) {
          const found = await diff(poolId, { from: from.id, to: to.at.toISOString() });
          const expected = changesBetween(from, to);
          expect(found).toMatchObject({ poolId, from: from.id, to: to.id });
          expect(found.changes).toEqual(expected);
          expect(found.summary).toEqual(tally(expected as Change[]));
        }
      }
      const [previous, latest] = taken.slice(-2);
      expect(await diff(poolId)).toMatchObject({ from: previous?.id, to: latest?.id });
    }),
    { numRuns: 12, endOnFailure: true },
  );
}, 300_000);

test('diff shows of a held snapshot what its release then changes', async () => {
  await fc.assert(
    fc.asyncProperty(drawnHistory, fc.boolean(), fc.nat(), async (states, isFirst, n) => {
      const { poolId, taken } = await takeAll(isFirst ? [] : states.slice(0, -1));
      const { next, lost } = loseSome(taken.at(-1), states.at(-1) as State, n);
      const lease = await hold(db, poolId, next, lost);
      const shown = [];
      for (const from of isFirst ? ['latest'] : taken.map(({ id }) => id)) {
        const { reason, ...found } = await diff(poolId, { from, to: 'held' });
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
        expect(await diff(poolId, { from: id, to })).toEqual(shown[index]);
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
    fc.asyncProperty(drawnHistory, async (states) => {
      const { poolId, taken } = await takeAll(states);
      const all = taken.flatMap(({ users }) => users);
      const texts = all.flatMap(({ username, sub, attributes }) => [
        username,
        sub as string,
        attributes['email'] ?? username,
      ]);
      for (const text of new Set(texts)) {
        const profiles = profilesOf(taken, text);
        const found = await mirror.history(poolId, text);
        expect(found.users.map(({ username, sub }) => ({ username, sub }))).toEqual(profiles);
        for (const { username, sub, versions, memberships, linked } of found.users) {
          expect({ versions, memberships }).toEqual(historyOf(taken, username, sub));
          expect(linked.map((each) => `${each.username} ${each.sub}`).sort()).toEqual(
            linkedTo(taken, username, sub).sort(),
          );
        }
      }
    }),
    { numRuns: 8, endOnFailure: true },
  );
}, 300_000);

test('access is that of a plain model, for any group and user at any snapshot', async () => {
  await fc.assert(
    fc.asyncProperty(drawnHistory, async (states) => {
      const { poolId, taken } = await takeAll(states);
      for (const state of taken) {
        for (const { groupName, roleArn, precedence } of state.groups) {
          const found: Member[] = [];
          await mirror.accessOfGroup(
            poolId,
            groupName,
            async ({ snapshot, group }, batches) => {
              expect(snapshot).toBe(state.id);
              expect(group).toMatchObject({ groupName, roleArn, precedence });
              for await (const members of batches) found.push(...members);
            },
            { at: state.id },
          );
          const expected = [...(state.members[groupName] ?? [])].sort(byUsername).map((user) => ({
            username: user.username,
            sub: user.sub,
            email: user.attributes['email'] ?? null,
            name: null,
            status: user.status,
            enabled: user.enabled,
            memberSince: since(taken, state, user.username, user.sub, groupName),
            role: roleOf(state, user),
          }));
          expect(found).toEqual(expected);
        }
        for (const user of state.users) {
          const { users } = await mirror.accessOfUser(poolId, user.sub as string, { at: state.id });
          expect(users).toHaveLength(1);
          expect(users[0]).toMatchObject({ username: user.username, role: roleOf(state, user) });
          expect(users[0]?.groups.map(({ groupName }) => groupName)).toEqual(groupsOf(state, user));
        }
      }
    }),
    { numRuns: 8, endOnFailure: true },
  );
}, 300_000);

test('a review has the memberships of a plain model, and tells what became of each', async () => {
  await fc.assert(
    fc.asyncProperty(drawnHistory, fc.boolean(), async (states, hasApostrophes) => {
      const { poolId, taken } = await takeAll(states);
      const newest = taken.at(-1) as Taken;
      for (const state of taken) {
        const rows: ReviewRow[] = [];
        const summary = await mirror.reviewAccess(
          poolId,
          async (review, batches) => {
            expect(review).toMatchObject({ poolId, snapshot: state.id });
            for await (const some of batches) rows.push(...some);
          },
          { at: state.id },
        );
        const expected = reviewOf(taken, state);
        expect(rows).toEqual(expected.map(({ row }) => row));
        expect(summary.rows).toBe(rows.length);

        const found: Revocation[] = [];
        const edit = (name: string) => (hasApostrophes ? `'${name}` : name);
        const revoked = rows.map(({ groupName, username, memberSince }) => ({
          ...{ groupName: edit(groupName), username: edit(username), memberSince },
        }));
        await mirror.checkRevocations(poolId, inBatches(revoked), async ({ snapshot }, batches) => {
          expect(snapshot).toBe(newest.id);
          for await (const some of batches) found.push(...some);
        });
        expect(found).toEqual(
          expected.map(({ row: { groupName, username, memberSince }, becomes }) => ({
            ...{ groupName, username, memberSince, ...becomes },
          })),
        );
      }
    }),
    { numRuns: 12, endOnFailure: true },
  );
}, 300_000);

async function* inBatches<T>(all: readonly T[]): AsyncIterable<readonly T[]> {
  for (let at = 0; at < all.length; at += 2) yield all.slice(at, at + 2);
}

/** The rows of a review of a state, and what became of each membership until the last snapshot. */
function reviewOf(taken: readonly Taken[], state: Taken) {
  const names = state.groups.map(({ groupName }) => groupName).sort();
  return names.flatMap((groupName) =>
    [...(state.members[groupName] ?? [])].sort(byUsername).map((user) => {
      const { username, sub } = user;
      const { memberships } = historyOf(taken, username, sub);
      const periods = memberships.filter((each) => each.groupName === groupName);
      const memberSince = since(taken, state, username, sub, groupName) as Date;
      const end = periods.find(({ validFrom }) => validFrom === memberSince)?.validTo ?? null;
      const isThere = periods.some(({ validTo }) => validTo === null);
      const back = end !== null && isThere ? periods.at(-1)?.validFrom : undefined;
      return {
        row: {
          ...{ groupName, username, memberSince, name: null },
          email: user.attributes['email'] ?? null,
          ...{ status: user.status, enabled: user.enabled },
          roleArn: state.groups.find((group) => group.groupName === groupName)?.roleArn,
        },
        becomes: {
          state: isThere ? 'there' : 'gone',
          goneSince: end && snapshotId(end),
          backSince: back ? snapshotId(back) : null,
        },
      };
    }),
  );
}

/** The first snapshot of the membership that a state has. */
function since(
  taken: readonly Taken[],
  state: Taken,
  username: string,
  sub: string | null,
  groupName: string,
): Date | undefined {
  const { memberships } = historyOf(taken, username, sub);
  return memberships.find(
    (each) =>
      each.groupName === groupName &&
      each.validFrom <= state.at &&
      (each.validTo === null || each.validTo > state.at),
  )?.validFrom;
}
