import { ListUsersCommand } from '@aws-sdk/client-cognito-identity-provider';
import { expect, test } from 'vitest';
import type { UserRecord } from '../../src/simulator/records.ts';
import { failure, listAll, POOL, simulate } from './support.ts';

const attribute = (name: string) => (user: UserRecord) => user.attributes.get(name);
const ATTRIBUTES: readonly [string, (user: UserRecord) => string | undefined][] = [
  ['username', (user) => user.username],
  ['email', attribute('email')],
  ['phone_number', attribute('phone_number')],
  ['name', attribute('name')],
  ['given_name', attribute('given_name')],
  ['family_name', attribute('family_name')],
  ['preferred_username', attribute('preferred_username')],
  ['cognito:user_status', (user) => user.status],
  ['status', (user) => (user.enabled ? 'Enabled' : 'Disabled')],
  ['sub', attribute('sub')],
];

/** A value as a filter writes it. */
const quote = (value: string) => `"${value.replaceAll(/["\\]/g, '\\$&')}"`;

test.each(ATTRIBUTES)('%s filters by = and by ^=', async (name, searched) => {
  const { pool, client } = await simulate({ users: 400, groups: 0 });
  const users = [...pool.users()];
  const values = users.map(searched).filter((value) => value !== undefined && value.length <= 100);
  for (const value of new Set(values.slice(0, 4).map(String))) {
    for (const [operator, wanted, passes] of [
      ['=', value, (other: string | undefined) => other === value],
      [
        '^=',
        value.slice(0, 3),
        (other: string | undefined) => other?.startsWith(value.slice(0, 3)),
      ],
    ] as const) {
      const Filter = `${name} ${operator} ${quote(wanted)}`;
      const listed = (await listAll(client, { Filter })).flat().map((user) => user.Username);
      const expected = users.filter((user) => passes(searched(user))).map((user) => user.username);
      expect(listed.toSorted()).toEqual(expected.toSorted());
      expect(listed.length).toBeGreaterThan(0);
    }
  }
});

test('only cognito:user_status ignores case', async () => {
  const { pool, client } = await simulate({ users: 0 });
  pool.createUser({ username: 'Ann', attributes: { email: 'Ann@example.com', name: 'Ann' } });
  const count = async (Filter: string) => (await listAll(client, { Filter })).flat().length;
  expect(await count('username = "Ann"')).toBe(1);
  expect(await count('username = "ann"')).toBe(0);
  expect(await count('username ^= "an"')).toBe(0);
  expect(await count('email = "ann@example.com"')).toBe(0);
  expect(await count('name ^= "A"')).toBe(1);
  expect(await count('name ^= "a"')).toBe(0);
  expect(await count('status = "Enabled"')).toBe(1);
  expect(await count('status = "enabled"')).toBe(0);
  expect(await count('cognito:user_status = "force_change_PASSWORD"')).toBe(1);
  expect(await count('cognito:user_status ^= "force"')).toBe(1);
});

test('quotes and backslashes in a value are escaped with a backslash', async () => {
  const { pool, client } = await simulate({ users: 0 });
  pool.createUser({ username: 'odd', attributes: { name: 'a "b" \\ c' } });
  pool.createUser({ username: 'even', attributes: { name: 'a b' } });
  const names = async (Filter: string) =>
    (await listAll(client, { Filter })).flat().map((user) => user.Username);
  expect(await names('name = "a \\"b\\" \\\\ c"')).toEqual(['odd']);
  expect(await names('name ^= "a \\""')).toEqual(['odd']);
});

test.each(['', '   '])('the empty filter %j lists all users', async (Filter) => {
  const { client } = await simulate();
  expect((await listAll(client, { Filter })).flat()).toHaveLength(200);
});

test.each(['name="x"', '  name   =   "x"  ', 'name^="x"', 'name ^= ""'])(
  'spaces around the parts of %j are ignored',
  async (Filter) => {
    const { pool, client } = await simulate({ users: 0 });
    pool.createUser({ username: 'x', attributes: { name: 'x' } });
    expect((await listAll(client, { Filter })).flat()).toHaveLength(1);
  },
);

test.each([
  'foo',
  'name = x',
  'name = "x',
  'name = x"',
  'name == "x"',
  'name $= "x"',
  'name = "a"b"',
  '= "x"',
  'name = "x" and email = "y"',
])('the filter %j does not parse', async (Filter) => {
  const { client } = await simulate();
  const error = await failure(client.send(new ListUsersCommand({ UserPoolId: POOL, Filter })));
  expect(error).toMatchObject({
    name: 'InvalidParameterException',
    message: 'Error while parsing filter.',
  });
});

test.each(['custom:tenant', 'locale', 'Email', 'birthdate'])(
  'the attribute %s cannot be filtered by',
  async (name) => {
    const { client } = await simulate();
    const Filter = `${name} = "x"`;
    const error = await failure(client.send(new ListUsersCommand({ UserPoolId: POOL, Filter })));
    expect(error.name).toBe('InvalidParameterException');
    expect(error.message).toContain(name);
  },
);

test('a filter that matches few users gives short or empty pages, and finds all', async () => {
  const { pool, client } = await simulate({ users: 12_000, groups: 0 });
  pool.createUser({ username: 'rare', attributes: { given_name: 'Nobody else' } });
  const pages = await listAll(client, { Filter: 'given_name = "Nobody else"' });
  expect(pages.flat().map((user) => user.Username)).toEqual(['rare']);
  expect(pages.length).toBeGreaterThan(1);
  expect(pages[0]).toEqual([]);
});

test('prefixes of sub divide the pool at any length, dashes included', async () => {
  const { pool, client } = await simulate({ users: 3000, groups: 0 });
  const sub = String([...pool.users()][0]?.attributes.get('sub'));
  for (const length of [0, 1, 2, 3, 8, 9, 10, 36]) {
    const prefix = sub.slice(0, length);
    const listed = (await listAll(client, { Filter: `sub ^= "${prefix}"` })).flat();
    const expected = [...pool.users()].filter((u) => u.attributes.get('sub')?.startsWith(prefix));
    expect(listed.map((u) => u.Username).toSorted()).toEqual(
      expected.map((u) => u.username).toSorted(),
    );
  }
});
