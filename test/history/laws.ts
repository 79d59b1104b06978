import { expect } from 'vitest';
import type {
  Change,
  Diff,
  DiffQuestion,
  HistoryQuestions,
  Member,
  ReviewRow,
  Revocation,
} from '../../src/index.ts';
import { snapshotId } from '../../src/model/snapshot.ts';
import type { Taken } from './drawn-pool.ts';
import {
  byUsername,
  changesBetween,
  groupsOf,
  historyOf,
  linkedTo,
  profilesOf,
  roleOf,
} from './model.ts';

/** A pool whose snapshots are known, and who answers questions about it. */
export interface AskedPool {
  readonly history: HistoryQuestions;
  readonly poolId: string;
  /** Every snapshot, oldest first. */
  readonly taken: readonly Taken[];
}

/** Asks for a diff, and collects its changes. */
export async function diff(
  { history, poolId }: Pick<AskedPool, 'history' | 'poolId'>,
  question?: DiffQuestion,
): Promise<Diff & { changes: Change[] }> {
  const all: Change[] = [];
  const result = await history.diff(
    poolId,
    async (_, batches) => {
      for await (const changes of batches) all.push(...changes);
    },
    question,
  );
  return { ...result, changes: all };
}

/** The counts of a summary, from a plain list. */
function tally(changes: readonly Change[], from: Taken, to: Taken) {
  const count = (entity: string, kind: string) =>
    changes.filter((change) => change.entity === entity && change.kind === kind).length;
  const moved = (way: 'added' | 'removed') =>
    changes.reduce((sum, each) => sum + ('groups' in each ? each.groups[way].length : 0), 0);
  const keeping = [from, to].filter(({ settings }) => settings).length;
  const basic = (entity: string) => ({
    added: count(entity, 'added'),
    removed: count(entity, 'removed'),
    modified: count(entity, 'modified'),
  });
  return {
    users: { ...basic('user'), replaced: count('user', 'replaced') },
    groups: basic('group'),
    memberships: { added: moved('added'), removed: moved('removed') },
    ...(keeping === 2 && { settings: basic('setting') }),
    ...(keeping === 1 && { settings: null }),
  };
}

/** `diff` is that of a plain model, between any two snapshots. */
export async function checkDiffs(asked: AskedPool): Promise<void> {
  const { poolId, taken } = asked;
  for (const [index, to] of taken.entries()) {
    for (const from of taken.slice(0, index + 1)) {
      const found = await diff(asked, { from: from.id, to: to.at.toISOString() });
      const expected = changesBetween(from, to);
      expect(found).toMatchObject({ poolId, from: from.id, to: to.id });
      expect(found.changes).toEqual(expected);
      expect(found.summary).toEqual(tally(expected as Change[], from, to));
    }
  }
  const [previous, latest] = taken.slice(-2);
  expect(await diff(asked)).toMatchObject({ from: previous?.id, to: latest?.id });
}

/** `history` is that of a plain model, for any name, sub and e-mail address. */
export async function checkHistories({ history, poolId, taken }: AskedPool): Promise<void> {
  const all = taken.flatMap(({ users }) => users);
  const texts = all.flatMap(({ username, sub, attributes }) => [
    username,
    sub as string,
    attributes['email'] ?? username,
  ]);
  for (const text of new Set(texts)) {
    const profiles = profilesOf(taken, text);
    const found = await history.history(poolId, text);
    expect(found.users.map(({ username, sub }) => ({ username, sub }))).toEqual(profiles);
    for (const { username, sub, versions, memberships, linked } of found.users) {
      expect({ versions, memberships }).toEqual(historyOf(taken, username, sub));
      expect(linked.map((each) => `${each.username} ${each.sub}`).sort()).toEqual(
        linkedTo(taken, username, sub).sort(),
      );
    }
  }
}

/** `access` is that of a plain model, for any group and user at any snapshot. */
export async function checkAccess({ history, poolId, taken }: AskedPool): Promise<void> {
  for (const state of taken) {
    for (const { groupName, roleArn, precedence } of state.groups) {
      const found: Member[] = [];
      await history.accessOfGroup(
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
      const { users } = await history.accessOfUser(poolId, user.sub as string, { at: state.id });
      expect(users).toHaveLength(1);
      expect(users[0]).toMatchObject({ username: user.username, role: roleOf(state, user) });
      expect(users[0]?.groups.map(({ groupName }) => groupName)).toEqual(groupsOf(state, user));
    }
  }
}

/** A review has the memberships of a plain model, and tells what became of each. */
export async function checkReviews(
  { history, poolId, taken }: AskedPool,
  hasApostrophes: boolean,
): Promise<void> {
  const newest = taken.at(-1) as Taken;
  for (const state of taken) {
    const rows: ReviewRow[] = [];
    const summary = await history.reviewAccess(
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
    await history.checkRevocations(poolId, inBatches(revoked), async ({ snapshot }, batches) => {
      expect(snapshot).toBe(newest.id);
      for await (const some of batches) found.push(...some);
    });
    expect(found).toEqual(
      expected.map(({ row: { groupName, username, memberSince }, becomes }) => ({
        ...{ groupName, username, memberSince, ...becomes },
      })),
    );
  }
}

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
