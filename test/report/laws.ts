import { expect } from 'vitest';
import type { Change } from '../../src/index.ts';
import type { State } from '../history/drawn-pool.ts';
import type { AskedPool } from '../history/laws.ts';
import { changesBetween } from '../history/model.ts';
import { concernsOf, rolesBetween } from './model.ts';

const DAY_MS = 86_400_000;
/** Some of the drawn users were last modified at this time, the others a day later. */
const EARLIER = Date.parse('2025-06-01T00:00:00Z');

/** The members of all groups of a state. */
export function countMembers({ groups, members }: State): number {
  return groups.reduce((sum, { groupName }) => sum + (members[groupName]?.length ?? 0), 0);
}

/** A report between any two snapshots has the numbers and names of a plain model. */
export async function checkReports({ history, poolId, taken }: AskedPool): Promise<void> {
  for (const [index, to] of taken.entries()) {
    const unchangedDays = Math.floor((to.at.getTime() - EARLIER) / DAY_MS);
    const unchangedSince = new Date(to.at.getTime() - unchangedDays * DAY_MS);
    for (const from of taken.slice(0, index + 1)) {
      const report = await history.report(poolId, { from: from.id, to: to.id, unchangedDays });
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
        for (const { status, enabled, ...counts } of found.counts.statuses) {
          const own = state.users.filter((u) => u.status === status && u.enabled === enabled);
          const known = own.flatMap(({ mfa }) => mfa ?? []);
          expect(counts).toEqual({
            users: own.length,
            mfaKnown: known.length,
            withoutMfa: known.filter(({ settings }) => settings.length === 0).length,
          });
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
}
