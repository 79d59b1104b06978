import type pg from 'pg';
import { expect, test } from 'vitest';
import type { Change, Mirror } from '../../src/index.ts';
import { drawnHistory, type State, type Taken, take } from '../history/drawn-pool.ts';
import { mirrorForEach } from '../history/mirror.ts';
import { changesBetween } from '../history/model.ts';
import fc from '../support/fast-check.ts';
import { concernsOf, rolesBetween } from './model.ts';

let db: pg.Pool;
let mirror: Mirror;
mirrorForEach((made) => {
  ({ db, mirror } = made);
});

const DAY_MS = 86_400_000;
/** Some of the drawn users were last modified at this time, the others a day later. */
const EARLIER = Date.parse('2025-06-01T00:00:00Z');

let pools = 0;

/** Publishes states, with the counts that a check would have recorded. */
async function takeAll(states: readonly State[]): Promise<{ poolId: string; taken: Taken[] }> {
  pools += 1;
  const poolId = `eu-west-1_Report${pools}`;
  const taken: Taken[] = [];
  for (const state of states) {
    const snapshot = await take(db, poolId, state);
    await db.query(
      `UPDATE directory.snapshots SET users = $3, groups = $4, memberships = $5
       WHERE pool_id = $1 AND snapshot_at = $2`,
      [poolId, snapshot.at, state.users.length, state.groups.length, countMembers(state)],
    );
    taken.push(snapshot);
  }
  return { poolId, taken };
}

const membersOf = (state: State, groupName: string) => state.members[groupName]?.length ?? 0;
const countMembers = (state: State) =>
  state.groups.reduce((sum, { groupName }) => sum + membersOf(state, groupName), 0);

test('a report has the numbers and names of a plain model, between any two snapshots', async () => {
  await fc.assert(
    fc.asyncProperty(drawnHistory, async (states) => {
      const { poolId, taken } = await takeAll(states);
      for (const [index, to] of taken.entries()) {
        const unchangedDays = Math.floor((to.at.getTime() - EARLIER) / DAY_MS);
        const unchangedSince = new Date(to.at.getTime() - unchangedDays * DAY_MS);
        for (const from of taken.slice(0, index + 1)) {
          const report = await mirror.report(poolId, { from: from.id, to: to.id, unchangedDays });
          expect(report).toMatchObject({ poolId, verdict: { complete: { answer: 'unknown' } } });
          for (const [state, found] of [
            [from, report.from],
            [to, report.to],
          ] as const) {
            expect(found).toMatchObject({
              snapshot: state.id,
              users: state.users.length,
              memberships: countMembers(state),
            });
            expect(found.counts.groups).toBe(state.groups.length);
            for (const { status, enabled, users } of found.counts.statuses) {
              const own = state.users.filter((u) => u.status === status && u.enabled === enabled);
              expect(users).toBe(own.length);
            }
          }
          const { users, groups, roles, concerns } = report;
          const changes = changesBetween(from, to) as Change[];
          expect(groups).toEqual(changes.filter(({ entity }) => entity === 'group'));
          for (const [kind, found] of Object.entries(users)) {
            const own = changes.filter((each) => each.entity === 'user' && each.kind === kind);
            expect(found).toEqual(own);
          }
          const byName = roles.shown.toSorted((a, b) => (a.groupName < b.groupName ? -1 : 1));
          expect(
            byName.map(({ joined, left, ...each }) => ({
              ...each,
              joined: joined.shown,
              left: left.shown,
            })),
          ).toEqual(rolesBetween(from, to));
          const expected = concernsOf(to, unchangedSince);
          const names = (list: { shown: readonly { username: string }[] }) =>
            list.shown.map(({ username }) => username);
          expect(names(concerns.unconfirmed)).toEqual(expected.unconfirmed);
          expect(names(concerns.ungrouped)).toEqual(expected.ungrouped);
          expect(concerns.disabledPrivileged.shown).toMatchObject(expected.disabledPrivileged);
          expect(names(concerns.ties)).toEqual(expected.ties.map(({ username }) => username));
          expect(concerns.ties.shown).toMatchObject(expected.ties);
          expect(concerns.duplicateEmails.shown).toEqual(expected.duplicateEmails);
          for (const list of Object.values(concerns)) expect(list.total).toBe(list.shown.length);
        }
      }
    }),
    { numRuns: 8, endOnFailure: true },
  );
}, 600_000);

test('lists are cut at the limit, and totals are not', async () => {
  await fc.assert(
    fc.asyncProperty(drawnHistory, async (states) => {
      const { poolId, taken } = await takeAll(states.slice(-2));
      const [whole, cut] = [await mirror.report(poolId), await mirror.report(poolId, { limit: 1 })];
      expect(cut.summary).toEqual(whole.summary);
      for (const [name, list] of Object.entries(whole.concerns)) {
        const short = cut.concerns[name as keyof typeof cut.concerns];
        expect(short).toEqual({ total: list.total, shown: list.shown.slice(0, 1) });
      }
      expect(cut.users.added).toEqual(whole.users.added.slice(0, 1));
      expect(cut.roles).toEqual({ ...whole.roles, shown: whole.roles.shown.slice(0, 1) });
      expect(whole.to.snapshot).toBe(taken.at(-1)?.id);
    }),
    { numRuns: 5, endOnFailure: true },
  );
}, 600_000);
