import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openPool } from '../../src/postgres/connection.ts';
import { type Comparison, findPeople } from '../../src/postgres/dashboard/find-people.ts';
import { countMembers, listMembersAfter } from '../../src/postgres/dashboard/group-members.ts';
import { scanPeople } from '../../src/postgres/dashboard/scan-people.ts';
import { type Asking, askPool } from '../../src/postgres/history/ask.ts';
import { type State, type Taken, take } from '../history/drawn-pool.ts';
import { moveToPast } from '../support/past.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { group, user } from './fixtures.ts';

const [POOL, OTHER] = ['eu-west-1_People', 'eu-west-1_Other'];
const LIMIT = 50;

/** A user with these attributes besides its e-mail address. */
const person = (username: string, attributes: Record<string, string> = {}, sub?: string) =>
  user(username, {
    ...(sub && { sub }),
    attributes: {
      sub: sub ?? `sub-of-${username}`,
      email: `${username}@Example.com`,
      ...attributes,
    },
  });

const ODD = {
  quotes: `'; DROP TABLE directory.users; --"`,
  percent: '100%_\\',
  arabic: '\u202eأحمد',
  markup: '<script>alert(1)</script>',
  long: 'x'.repeat(2_000),
};

const odd = Object.entries(ODD).map(([name, value]) => person(name, { 'custom:odd': value }));
const [ann, bob, zoe] = [
  person('Ann', { 'custom:team': 'Red' }),
  person('bob', { 'custom:team': 'redder' }),
  person('ZOË', { 'custom:team': 'blue' }),
];
const before: State = {
  users: [ann, bob, person('gone'), person('again', {}, 'first-person')],
  groups: [group('staff')],
  members: { staff: [ann, bob] },
};
const now: State = {
  users: [
    ann,
    person('bob', { email: 'new@example.com' }),
    person('again', {}, 'other-person'),
    zoe,
    ...odd,
  ],
  groups: [group('staff')],
  members: { staff: [ann, ...odd] },
};

let database: TestDatabase;
let db: pg.Pool;
let [first, second]: Taken[] = [];
beforeAll(async () => {
  database = await createTestDatabase();
  db = openPool(database.url, 2);
  first = await take(db, POOL, before);
  await moveToPast(db, '1 day');
  second = await take(db, POOL, now);
  await take(db, OTHER, { users: [ann], groups: [], members: {} });
  await db.query('VACUUM ANALYZE directory.users');
});
afterAll(async () => {
  await db?.end();
  await database?.drop();
});

const asking = <T>(work: (asking: Asking) => Promise<T>) => askPool(db, POOL, work, 5_000);

async function find(text: string, comparison: Comparison = 'is', poolIds = [POOL]) {
  const found = await asking((each) => findPeople(each, poolIds, { text, comparison }, [], LIMIT));
  return found.map(({ poolId, username, sub, goneAt }) => ({ poolId, username, sub, goneAt }));
}

async function scan(
  text: string,
  attribute: string | null,
  comparison: Comparison = 'is',
  poolIds = [POOL],
) {
  const question = { poolIds, attribute, text, comparison, hashes: [] };
  const { people, next } = await asking((each) => scanPeople(each, question, null, LIMIT, 60_000));
  expect(next).toBeNull();
  return people.map(({ username }) => username).sort();
}

describe('indexes', () => {
  test('find a username, a sub and an e-mail address in any case', async () => {
    const annHere = { poolId: POOL, username: 'Ann', sub: 'sub-of-Ann', goneAt: null };
    for (const text of ['Ann', 'sub-of-Ann', 'ann@example.COM']) {
      expect(await find(text)).toEqual([annHere]);
    }
    expect(await find('an', 'starts')).toEqual([annHere]);
    expect(await find('Ann', 'is', [OTHER, POOL])).toEqual([
      { ...annHere, poolId: OTHER },
      annHere,
    ]);
    expect(await find('an')).toEqual([]);
  });

  test('find persons who are gone, and tell the persons of one name apart', async () => {
    const at = second?.at;
    expect(await find('gone')).toEqual([
      { poolId: POOL, username: 'gone', sub: 'sub-of-gone', goneAt: at },
    ]);
    expect(await find('again')).toEqual([
      { poolId: POOL, username: 'again', sub: 'first-person', goneAt: at },
      { poolId: POOL, username: 'again', sub: 'other-person', goneAt: null },
    ]);
    // An earlier e-mail address leads to the person, who is still there.
    expect(await find('bob@example.com')).toEqual([
      { poolId: POOL, username: 'bob', sub: 'sub-of-bob', goneAt: null },
    ]);
  });

  test('find who sorts behind a person with more versions than the limit', async () => {
    await db.query(
      `INSERT INTO directory.user_history (pool_id, username, sub, attributes, escaped, valid_from, valid_to)
       SELECT $1, who.name, 'sub-' || who.name, jsonb_build_object('email', who.name || '@x.example'), '{}',
         '2020-01-01'::timestamptz + make_interval(days => n), '2020-01-02'::timestamptz + make_interval(days => n)
       FROM (VALUES ('many-a', $2), ('many-b', 1)) AS who (name, versions), generate_series(1, who.versions) AS n`,
      [POOL, LIMIT + 10],
    );
    for (const text of ['many-', 'sub-many-']) {
      const found = await find(text, 'starts');
      expect(found.map(({ username }) => username)).toEqual(['many-a', 'many-b']);
    }
  });

  test('take any text as text', async () => {
    for (const text of ['%', '_', '\\', `' OR true --`, '$1', '\u202e', 'x'.repeat(10_000)]) {
      expect(await find(text)).toEqual([]);
      expect(await find(text, 'starts')).toEqual([]);
    }
  });
});

describe('a scan', () => {
  test('compares a username and an attribute without regard to case', async () => {
    expect(await scan('aNN', null)).toEqual(['Ann']);
    expect(await scan('zoë', null)).toEqual(['ZOË']);
    expect(await scan('RED', 'custom:team')).toEqual(['Ann']);
    expect(await scan('bL', 'custom:team', 'starts')).toEqual(['ZOË']);
    expect(await scan('RED', 'custom:team', 'is', [POOL, OTHER])).toEqual(['Ann', 'Ann']);
    expect(await scan('red', 'custom:none')).toEqual([]);
  });

  test('takes any text of a value and of a name as text', async () => {
    for (const [username, value] of Object.entries(ODD)) {
      expect(await scan(value, 'custom:odd')).toEqual([username]);
    }
    expect(await scan('%', 'custom:odd', 'starts')).toEqual([]);
    expect(await scan('red', `custom:team' OR true --`)).toEqual([]);
  });

  test.each([[[POOL]], [[POOL, OTHER]]])('continues where it stopped, in %j', async (poolIds) => {
    const question = {
      poolIds,
      attribute: null,
      text: '',
      comparison: 'starts' as const,
      hashes: [],
    };
    const found: string[] = [];
    let from: string | null = null;
    do {
      const step = await asking((each) => scanPeople(each, question, from, 2, 60_000));
      expect(step.people.length).toBeLessThanOrEqual(2);
      found.push(...step.people.map(({ poolId, username }) => `${poolId}/${username}`));
      from = step.next;
    } while (from !== null);
    const everyone = now.users.map(({ username }) => `${POOL}/${username}`);
    expect(found.sort()).toEqual(
      [...everyone, ...(poolIds.includes(OTHER) ? [`${OTHER}/Ann`] : [])].sort(),
    );
  });

  test('ignores a position that it did not give', async () => {
    const question = {
      poolIds: [POOL, OTHER],
      attribute: null,
      text: 'ann',
      comparison: 'is' as const,
      hashes: [],
    };
    for (const from of ['block:(1', 'block:1,1', '', 'else']) {
      const { people } = await asking((each) => scanPeople(each, question, from, 10, 60_000));
      expect(people).toHaveLength(2);
    }
  });

  test('finds a value by the hash that stands for it', async () => {
    const question = {
      poolIds: [POOL],
      attribute: 'custom:team',
      text: 'x',
      comparison: 'is' as const,
      hashes: ['blue'],
    };
    const { people } = await asking((each) => scanPeople(each, question, null, 10, 60_000));
    expect(people.map(({ username }) => username)).toEqual(['ZOË']);
  });
});

test('members of a group come page by page, at any date', async () => {
  const page = (at: Date, after: string, limit = 2) =>
    asking(async (each) =>
      (await listMembersAfter(each, 'staff', at, after, limit)).map(({ username }) => username),
    );
  // The first snapshot moved into the past.
  const [then, today] = [new Date((first?.at.getTime() ?? 0) - 86_400_000), second?.at as Date];
  expect(await page(then, '')).toEqual(['Ann', 'bob']);
  expect(await page(then, 'Ann')).toEqual(['bob']);
  expect(await page(today, '', 10)).toEqual(['Ann', ...Object.keys(ODD)].sort());
  const counts = await asking((each) => countMembers(each, 'staff', today, then));
  expect(counts).toEqual({ members: 6, joined: 5, left: 1 });
});
