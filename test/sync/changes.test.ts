import { afterEach, describe, expect, it } from 'vitest';
import type { SimulatedPool } from '../../src/simulator/pool.ts';
import { expectMirrored } from '../support/directory.ts';
import fc from '../support/fast-check.ts';
import { openTestMirror, type TestMirror } from '../support/mirror.ts';

let mirror: TestMirror;
afterEach(() => mirror.close());

/** What a pool holds at a moment: the plain model that the mirror is compared with. */
interface Model {
  users: Map<string, { sub: string; content: string }>;
  groups: Map<string, string>;
  memberships: Map<string, string>;
}

function modelOf(pool: SimulatedPool): Model {
  const users = [...pool.users()].map((user): [string, { sub: string; content: string }] => [
    user.username,
    {
      sub: user.attributes.get('sub') ?? '',
      content: JSON.stringify([{ ...user, attributes: [...user.attributes].sort() }]),
    },
  ]);
  return {
    users: new Map(users),
    groups: new Map([...pool.groups()].map((group) => [group.groupName, JSON.stringify(group)])),
    memberships: new Map(
      [...pool.memberships()].map((m) => [`${m.groupName}\n${m.username}`, m.sub ?? '']),
    ),
  };
}

/** What `directory.changes` should hold between two moments, as sorted lines. */
function differences(before: Model, after: Model): string[] {
  const changes: string[] = [];
  for (const [name, { sub, content }] of after.users) {
    const old = before.users.get(name);
    if (!old) changes.push(`user ${name} added`);
    else if (old.sub !== sub) changes.push(`user ${name} added`, `user ${name} removed`);
    else if (old.content !== content) changes.push(`user ${name} modified`);
  }
  for (const name of before.users.keys()) {
    if (!after.users.has(name)) changes.push(`user ${name} removed`);
  }
  for (const [name, content] of after.groups) {
    const old = before.groups.get(name);
    if (old === undefined) changes.push(`group ${name} added`);
    else if (old !== content) changes.push(`group ${name} modified`);
  }
  for (const name of before.groups.keys()) {
    if (!after.groups.has(name)) changes.push(`group ${name} removed`);
  }
  for (const [key, sub] of after.memberships) {
    if (before.memberships.get(key) !== sub) changes.push(`membership ${key} added`);
  }
  for (const [key, sub] of before.memberships) {
    if (after.memberships.get(key) !== sub) changes.push(`membership ${key} removed`);
  }
  return changes.sort();
}

type Step = (pool: SimulatedPool) => void;

/** Picks by a number, whatever there is to pick from. */
const pick = <T>(from: readonly T[], number: number): T | undefined => from[number % from.length];
const names = (pool: SimulatedPool) => [...pool.users()].map((user) => user.username);
const value = fc.string({ unit: 'binary', maxLength: 40 }).filter((text) => text !== '');

const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.nat().map(
    (n): Step =>
      (pool) => {
        const username = `new-${n}`;
        if (!pool.hasUser(username))
          pool.createUser({ username, attributes: { email: 'n@example.com' } });
      },
  ),
  fc.nat().map(
    (n): Step =>
      (pool) => {
        const username = pick(names(pool), n);
        if (username !== undefined) pool.deleteUser(username);
      },
  ),
  // The same name, another person.
  fc.nat().map(
    (n): Step =>
      (pool) => {
        const username = pick(names(pool), n);
        if (username === undefined) return;
        pool.deleteUser(username);
        pool.createUser({ username });
      },
  ),
  fc.tuple(fc.nat(), value).map(
    ([n, text]): Step =>
      (pool) => {
        const username = pick(names(pool), n);
        if (username !== undefined) pool.updateAttributes(username, { 'custom:department': text });
      },
  ),
  fc.nat().map(
    (n): Step =>
      (pool) => {
        const username = pick(names(pool), n);
        if (username !== undefined)
          pool.changeUser(username, { enabled: !pool.user(username).enabled });
      },
  ),
  fc.nat().map(
    (n): Step =>
      (pool) => {
        const name = `group-${n % 9}`;
        if (!pool.groupNames().includes(name)) pool.createGroup(name, { precedence: n });
      },
  ),
  fc.nat().map(
    (n): Step =>
      (pool) => {
        const name = pick(pool.groupNames(), n);
        if (name !== undefined) pool.deleteGroup(name);
      },
  ),
  fc.tuple(fc.nat(), value).map(
    ([n, description]): Step =>
      (pool) => {
        const name = pick(pool.groupNames(), n);
        if (name !== undefined) pool.updateGroup(name, { description });
      },
  ),
  fc.tuple(fc.nat(), fc.nat()).map(
    ([n, m]): Step =>
      (pool) => {
        const [username, group] = [pick(names(pool), n), pick(pool.groupNames(), m)];
        if (username !== undefined && group !== undefined) pool.addToGroup(username, group);
      },
  ),
  fc.nat().map(
    (n): Step =>
      (pool) => {
        const membership = pick([...pool.memberships()], n);
        if (membership) pool.removeFromGroup(membership.username, membership.groupName);
      },
  ),
);

describe('the history', () => {
  it('is that of a plain model, over random changes', async () => {
    mirror = await openTestMirror({ users: 60, groups: 5, seed: 11 });
    const { pool, db } = mirror;
    await mirror.sync();
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { maxLength: 12 }), async (series) => {
        const before = modelOf(pool);
        for (const step of series) step(pool);
        const after = modelOf(pool);
        const { report, error } = await mirror.sync();
        expect(error).toBeNull();
        const changes = await mirror.rows<{ line: string }>(
          `SELECT concat_ws(' ', entity, concat_ws(E'\\n', key ->> 'group_name', key ->> 'username'),
             kind) AS line
           FROM directory.changes JOIN directory.snapshots USING (pool_id, snapshot_at)
           WHERE snapshot = $1`,
          [report.snapshot],
        );
        const expected = differences(before, after);
        expect(changes.map(({ line }) => line).sort()).toEqual(expected);
        const users = (kind: string) =>
          expected.filter((line) => line.startsWith('user ') && line.endsWith(` ${kind}`)).length;
        expect(report).toMatchObject({
          added: users('added'),
          modified: users('modified'),
          removed: users('removed'),
          users: after.users.size,
          groups: after.groups.size,
          memberships: after.memberships.size,
        });
        await expectMirrored(db, pool);
      }),
      { numRuns: 12, endOnFailure: true },
    );
  });

  it('gives the state of any moment since the first snapshot', async () => {
    mirror = await openTestMirror({ users: 40, groups: 4, seed: 12 });
    const { pool } = mirror;
    const states: { at: string; users: string[]; members: string[] }[] = [];
    for (let day = 0; day < 4; day++) {
      if (day > 0) {
        pool.deleteUser(names(pool)[day] as string);
        pool.createUser({ username: `day-${day}` });
        pool.createGroup(`day-${day}`);
        pool.addToGroup(`day-${day}`, `day-${day}`);
      }
      const { report } = await mirror.sync();
      states.push({
        at: report.snapshot as string,
        users: names(pool).sort(),
        members: [...pool.memberships()].map((m) => `${m.groupName}/${m.username}`).sort(),
      });
    }
    for (const { at, users, members } of states) {
      const when = `(SELECT snapshot_at + interval '0.5 s' FROM directory.snapshots WHERE snapshot = '${at}')`;
      const pool_id = `'${pool.settings.id}'`;
      const found = await mirror.rows<{ username: string }>(
        `SELECT username FROM directory.users_at(${pool_id}, ${when})`,
      );
      expect(found.map((row) => row.username).sort()).toEqual(users);
      const memberships = await mirror.rows<{ member: string }>(
        `SELECT group_name || '/' || username AS member FROM directory.memberships_at(${pool_id}, ${when})`,
      );
      expect(memberships.map((row) => row.member).sort()).toEqual(members);
    }
    for (const [id, problem] of [
      [pool.settings.id, /begins with its first snapshot/],
      ['us-east-1_Unknown', /No snapshot of pool us-east-1_Unknown/],
    ] as const) {
      for (const state of ['users_at', 'groups_at', 'memberships_at']) {
        await expect(
          mirror.rows(`SELECT * FROM directory.${state}('${id}', '2001-01-01')`),
        ).rejects.toThrow(problem);
      }
    }
  });
});
