import type pg from 'pg';
import { expect, test } from 'vitest';
import type { User } from '../../src/model/directory.ts';
import fc from '../support/fast-check.ts';
import { moveToPast } from '../support/past.ts';
import { databaseForEach } from '../support/postgres.ts';
import { type DrawnUser, drawnHistory, type State, type Taken, take } from './drawn-pool.ts';
import { groupsOf } from './model.ts';

let db: pg.Pool;
databaseForEach(4, (made) => {
  db = made.db;
});

const HOUR = 60 * 60 * 1000;

/** Each drawn history gets a pool of its own in one database. */
let pools = 0;

/**
 * Takes the states as snapshots of a new pool, with more than a day between the second and the third.
 * The hours differ for each pool, so that no snapshot of another pool moves to the time of the next.
 */
async function takeAll(states: readonly State[]): Promise<{ poolId: string; taken: Taken[] }> {
  pools += 1;
  const poolId = `eu-west-1_Viewed${pools}`;
  let taken: Taken[] = [];
  for (const [index, state] of states.entries()) {
    if (index === 2) {
      const hours = 24 + pools;
      await moveToPast(db, `${hours} hours`);
      taken = taken.map((each) => ({ ...each, at: new Date(each.at.getTime() - hours * HOUR) }));
    }
    taken.push(await take(db, poolId, state));
  }
  return { poolId, taken };
}

const pair = (...parts: unknown[]) => JSON.stringify(parts);
const dayOf = (time: Date | null | undefined) => time?.toISOString().slice(0, 10) ?? null;

/** Counts what each thing has: one line for each value. */
function countBy<T>(things: readonly T[], values: (thing: T) => readonly unknown[]): string[] {
  const counts = new Map<unknown, number>();
  for (const value of things.flatMap(values)) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].map(([value, count]) => pair(value, count));
}

/** What `users_by_mfa` should hold. */
function usersByMfa(users: readonly DrawnUser[]): string[] {
  const settingsOf = ({ mfa }: DrawnUser): (readonly [boolean, string | null])[] => {
    if (!mfa) return [[false, null]];
    return mfa.settings.length === 0 ? [[true, null]] : mfa.settings.map((each) => [true, each]);
  };
  return countBy(users, (user) => settingsOf(user).map((each) => pair(...each))).map((line) => {
    const [value, count] = JSON.parse(line) as [string, number];
    return pair(...JSON.parse(value), count);
  });
}

const identityOf = ({ attributes }: User) => JSON.parse(attributes['identities'] ?? '[]')[0];

/** What `changes_by_day` should hold. */
function changesByDay(taken: readonly Taken[]): string[] {
  const days = new Map<string | null, [number, number, number]>();
  for (const [index, { users, at }] of taken.entries()) {
    const before = taken[index - 1]?.users;
    if (before === undefined) continue;
    const day = dayOf(at);
    const counts = days.get(day) ?? [0, 0, 0];
    const findIn = (all: readonly User[], { username, sub }: User) =>
      all.find((each) => each.username === username && each.sub === sub);
    counts[0] += users.filter((user) => !findIn(before, user)).length;
    counts[1] += before.filter((user) => !findIn(users, user)).length;
    counts[2] += users.filter((user) => {
      const old = findIn(before, user);
      return old !== undefined && old.status !== user.status;
    }).length;
    if (counts.some((count) => count > 0)) days.set(day, counts);
  }
  return [...days].map((day) => pair(...day.flat()));
}

/** What `group_sizes` should hold. */
function groupSizes(taken: readonly Taken[]): string[] {
  const names = new Set(taken.flatMap(({ groups }) => groups.map(({ groupName }) => groupName)));
  return [...names].flatMap((name) => {
    const periods: { members: number; from: Date; to: Date | null }[] = [];
    for (const { groups, members, at } of taken) {
      const exists = groups.some(({ groupName }) => groupName === name);
      const size = exists ? (members[name]?.length ?? 0) : 0;
      const last = periods.at(-1);
      if (last === undefined ? !exists : last.members === size) continue;
      if (last !== undefined) last.to = at;
      periods.push({ members: size, from: at, to: null });
    }
    return periods.map(({ members, from, to }) => pair(name, members, from, to));
  });
}

/** What `replaced_users` should hold. */
function replacedUsers(taken: readonly Taken[]): string[] {
  const subs = new Map<string, string | null>();
  const replaced: string[] = [];
  for (const { users, at } of taken) {
    for (const { username, sub } of users) {
      const old = subs.get(username);
      if (old !== undefined && old !== sub) replaced.push(pair(username, old, sub, at));
      subs.set(username, sub);
    }
  }
  return replaced;
}

/** What `duplicate_emails` should hold. */
function duplicateEmails({ users }: State): string[] {
  const owners = new Map<string, string[]>();
  for (const { username, attributes } of users) {
    const email = attributes['email']?.toLowerCase();
    if (email === undefined || attributes['email_verified'] !== 'true') continue;
    owners.set(email, [...(owners.get(email) ?? []), username]);
  }
  return [...owners]
    .filter(([, names]) => names.length > 1)
    .map(([email, names]) => pair(email, names.length, names.sort(compareNames)));
}

const compareNames = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** The rows of each view by the plain model, without the pool. */
function expectedViews(taken: readonly Taken[]): Record<string, string[]> {
  const now = taken.at(-1) as Taken;
  const { users } = now;
  const basics = ({ username, sub, attributes }: User) =>
    [username, sub, attributes['email'] ?? null] as const;
  return {
    users_by_status: countBy(users, ({ status }) => [status]),
    users_by_domain: countBy(users, ({ attributes }) => [
      attributes['email']?.split('@')[1]?.toLowerCase() ?? null,
    ]),
    users_by_provider: countBy(users, (user) => [identityOf(user)?.providerName ?? null]),
    users_by_day: countBy(users, ({ createdAt }) => [dayOf(createdAt)]),
    changes_by_day: changesByDay(taken),
    group_sizes: groupSizes(taken),
    users_in_no_group: users
      .filter((user) => groupsOf(now, user).length === 0)
      .map((user) => pair(...basics(user), user.status, user.enabled, user.createdAt)),
    users_in_several_groups: users
      .map((user) => ({ username: user.username, groups: groupsOf(now, user) }))
      .filter(({ groups }) => groups.length > 1)
      .map(({ username, groups }) => pair(username, groups)),
    duplicate_emails: duplicateEmails(now),
    linked_profiles: users
      .filter((user) => identityOf(user)?.primary === 'false')
      .map((user) => {
        const name = `Google_${identityOf(user).userId}`;
        const linked = users.find(({ username }) => username === name);
        return pair(user.username, user.sub, 'Google', name, linked?.sub ?? null);
      }),
    unconfirmed_users: users
      .filter(({ status }) => status === 'UNCONFIRMED')
      .map((user) => pair(...basics(user), user.enabled, user.createdAt, user.modifiedAt)),
    custom_attributes: users.flatMap(({ username, sub, attributes }) =>
      Object.entries(attributes)
        .filter(([name]) => name.startsWith('custom:'))
        .map(([name, value]) => pair(username, sub, name, value)),
    ),
    replaced_users: replacedUsers(taken),
    users_by_mfa: usersByMfa(users),
    users_without_mfa: users
      .filter(({ mfa }) => mfa?.settings.length === 0)
      .map((user) => pair(...basics(user), user.status, user.enabled, user.mfa?.readAt)),
  };
}

/** The rows of a view, without the pool. Dates and large numbers come as the model has them. */
async function rowsOf(view: string, poolId: string): Promise<string[]> {
  const { rows, fields } = await db.query({
    text: `SELECT * FROM directory.${view} WHERE pool_id = $1`,
    values: [poolId],
    rowMode: 'array',
  });
  expect(fields[0]?.name).toBe('pool_id');
  const isDay = fields.map(({ name }) => name === 'day');
  const isCount = fields.map(({ dataTypeID }) => dataTypeID === INT8);
  return (rows as unknown[][]).map((row) => {
    const values = row.map((value, index) => {
      if (value === null) return null;
      if (isDay[index]) return localDay(value);
      return isCount[index] ? Number(value) : value;
    });
    return pair(...values.slice(1));
  });
}

const INT8 = 20;

/** A date of Postgres: node-postgres gives its midnight in local time. */
function localDay(value: unknown): string {
  if (!(value instanceof Date)) return String(value);
  const midnight = new Date(value.getTime() - value.getTimezoneOffset() * 60_000);
  return midnight.toISOString().slice(0, 10);
}

test('each view is that of a plain model, over random histories', async () => {
  await fc.assert(
    fc.asyncProperty(drawnHistory, async (states) => {
      const { poolId, taken } = await takeAll(states);
      for (const [view, expected] of Object.entries(expectedViews(taken))) {
        const found = await rowsOf(view, poolId);
        expect([view, ...found.sort()]).toEqual([view, ...expected.sort()]);
      }
    }),
    { numRuns: 15, endOnFailure: true },
  );
}, 300_000);
