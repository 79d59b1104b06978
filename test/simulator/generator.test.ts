import { expect, test } from 'vitest';
import { ODD_TEXTS } from '../../src/simulator/generate/words.ts';
import { SimulatedPool } from '../../src/simulator/pool.ts';
import { createSettings } from '../../src/simulator/settings.ts';
import { POOL } from './support.ts';

const NOW = Date.UTC(2026, 0, 1);

type PoolOptions = ConstructorParameters<typeof SimulatedPool>[0];

function generate({ id = POOL, ...options }: Partial<PoolOptions> & { id?: string } = {}) {
  return new SimulatedPool({
    settings: createSettings(id, '123456789012'),
    users: 3000,
    groups: 40,
    seed: 1,
    now: () => 0,
    ...options,
  });
}

/** Everything that a pool holds. */
function dump(pool: SimulatedPool) {
  return {
    users: [...pool.users()],
    groups: [...pool.groups()],
    memberships: [...pool.memberships()],
  };
}

test('the same seed gives the same pool; another seed or pool id gives another', () => {
  const first = dump(generate());
  expect(dump(generate())).toEqual(first);
  for (const other of [generate({ seed: 2 }), generate({ id: 'us-east-1_Other' })]) {
    const there = dump(other);
    const subs = new Set(first.users.map((user) => user.attributes.get('sub')));
    expect(there.users.some((user) => subs.has(user.attributes.get('sub')))).toBe(false);
    expect(there.memberships).not.toEqual(first.memberships);
  }
});

test.each([
  [0, 0],
  [1, 1],
  [7, 3],
  [1000, 20],
  [50, 500],
])('%i users and %i groups are exactly so many', (users, groups) => {
  const pool = generate({ users, groups });
  expect([...pool.users()]).toHaveLength(users);
  expect(pool.userCount).toBe(users);
  expect([...pool.groups()]).toHaveLength(groups);
  const names = new Set([...pool.users()].map((user) => user.username));
  expect(names.size).toBe(users);
});

test('subs are version 4 UUIDs in lower case, distinct, and spread evenly over the first digit', () => {
  const subs = [...generate({ users: 16_000 }).users()].map(
    (user) => user.attributes.get('sub') ?? '',
  );
  const form = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
  expect(subs.filter((sub) => !form.test(sub))).toEqual([]);
  expect(new Set(subs).size).toBe(16_000);
  for (const digit of '0123456789abcdef') {
    const share = subs.filter((sub) => sub.startsWith(digit)).length;
    expect(share).toBeGreaterThan(850);
    expect(share).toBeLessThan(1150);
  }
});

test('the second digit can be fixed', () => {
  const subs = [...generate({ secondDigit: 12 }).users()].map((user) => user.attributes.get('sub'));
  expect(new Set(subs.map((sub) => sub?.[1]))).toEqual(new Set(['c']));
  expect(new Set(subs.map((sub) => sub?.[0])).size).toBe(16);
  expect(new Set(subs).size).toBe(3000);
});

test('native usernames have the style of their pool, mostly the sub', () => {
  const isSub = (pool: SimulatedPool) => {
    const native = [...pool.users()].filter((user) => user.status !== 'EXTERNAL_PROVIDER');
    return native.every((user) => user.username === user.attributes.get('sub'));
  };
  const subPools = Array.from({ length: 20 }, (_, seed) => generate({ seed, users: 30 })).filter(
    isSub,
  );
  expect(subPools.length).toBeGreaterThan(8);
  expect(subPools.length).toBeLessThan(19);
  expect(isSub(generate({ usernames: 'sub' }))).toBe(true);
  for (const style of ['email', 'plain'] as const) {
    const pool = generate({ usernames: style });
    const native = [...pool.users()].filter((user) => user.status !== 'EXTERNAL_PROVIDER');
    expect(native.every((user) => user.username.includes('@') === (style === 'email'))).toBe(true);
  }
});

test('every user is found by username and by sub, in pools of every style', () => {
  for (const usernames of ['sub', 'email', 'plain'] as const) {
    const pool = generate({ usernames });
    for (const user of pool.users()) {
      expect(pool.user(user.username)).toEqual(user);
      expect(pool.user(user.attributes.get('sub') ?? '')).toEqual(user);
    }
  }
});

test('usernames are valid for the service, odd ones too', () => {
  const legal = /^[\p{L}\p{M}\p{S}\p{N}\p{P}]{1,128}$/u;
  const pool = generate({ usernames: 'plain', groups: 200 });
  for (const user of pool.users()) expect(user.username).toMatch(legal);
  for (const group of pool.groups()) expect(group.groupName).toMatch(legal);
  const names = [...pool.users()].map((user) => user.username);
  expect(names.some((name) => /[^ -~]/.test(name))).toBe(true);
  expect(names.some((name) => name.includes('\\'))).toBe(true);
  expect(names.some((name) => name.includes('"'))).toBe(true);
});

test('users have every origin: native, linked and each provider', () => {
  const users = [...generate().users()];
  for (const provider of ['Google', 'Facebook', 'SAML']) {
    const federated = users.filter((user) => user.username.startsWith(`${provider}_`));
    expect(federated.length).toBeGreaterThan(60);
    for (const user of federated) {
      expect(user.status).toBe('EXTERNAL_PROVIDER');
      const identities = JSON.parse(user.attributes.get('identities') ?? '');
      expect(identities).toMatchObject([{ providerName: provider, primary: true }]);
      expect(user.username).toBe(`${provider}_${identities[0].userId}`);
    }
  }
  const linked = users.filter(
    (user) => user.status !== 'EXTERNAL_PROVIDER' && user.attributes.has('identities'),
  );
  expect(linked.length).toBeGreaterThan(60);
  for (const user of linked) {
    const identities = JSON.parse(user.attributes.get('identities') ?? '');
    expect(identities.length).toBeGreaterThan(0);
    expect(identities.length).toBeLessThanOrEqual(5);
    expect(identities[0]).toMatchObject({ primary: false });
  }
});

test('every status occurs, and one that does not exist yet', () => {
  const statuses = new Set([...generate({ users: 1000 }).users()].map((user) => user.status));
  expect([...statuses].toSorted()).toEqual([
    'ARCHIVED',
    'COMPROMISED',
    'CONFIRMED',
    'EXTERNAL_PROVIDER',
    'FORCE_CHANGE_PASSWORD',
    'PENDING_PASSKEY_ENROLLMENT',
    'RESET_REQUIRED',
    'UNCONFIRMED',
    'UNKNOWN',
  ]);
});

test('every odd text occurs, within the limit of 2,048 bytes', () => {
  const users = [...generate({ users: 1000 }).users()];
  const values = new Set(users.flatMap((user) => [...user.attributes.values()]));
  for (const text of ODD_TEXTS) expect(values).toContain(text);
  const longest = Math.max(...[...values].map((value) => Buffer.byteLength(value)));
  expect(longest).toBe(2048);
});

test('some users are disabled, some have a legacy MFA option, and optional attributes are missing', () => {
  const users = [...generate().users()];
  const share = (count: (user: (typeof users)[number]) => boolean) =>
    users.filter(count).length / 3000;
  expect(share((user) => !user.enabled)).toBeGreaterThan(0.01);
  expect(share((user) => !user.enabled)).toBeLessThan(0.06);
  const withMfa = users.filter((user) => user.mfaOptions.length > 0);
  expect(withMfa.length).toBeGreaterThan(20);
  expect(withMfa.every((user) => user.attributes.has('phone_number'))).toBe(true);
  for (const name of ['email', 'phone_number', 'name', 'family_name', 'custom:tenant']) {
    expect(share((user) => user.attributes.has(name))).toBeGreaterThan(0.1);
    expect(share((user) => user.attributes.has(name))).toBeLessThan(0.99);
  }
});

test('dates have milliseconds, are in the past, and changes are after creation', () => {
  const users = [...generate().users()];
  for (const user of users) {
    expect(user.createdAt).toBeLessThanOrEqual(user.modifiedAt);
    expect(user.modifiedAt).toBeLessThan(NOW);
    expect(Number.isInteger(user.createdAt) && Number.isInteger(user.modifiedAt)).toBe(true);
  }
  const created = users.map((user) => user.createdAt);
  expect(Math.min(...created)).toBeLessThan(Date.UTC(2021, 0, 1));
  expect(Math.max(...created)).toBeGreaterThan(Date.UTC(2025, 11, 25));
  expect(created.filter((at) => at % 1000 !== 0).length).toBeGreaterThan(2900);
  for (const group of generate().groups()) {
    expect(group.createdAt).toBeLessThanOrEqual(group.modifiedAt);
    expect(group.modifiedAt).toBeLessThan(NOW);
  }
});

test('a user is about 600 bytes of JSON', () => {
  const users = [...generate().users()];
  const bytes = users.map((user) => {
    const Attributes = [...user.attributes].map(([Name, Value]) => ({ Name, Value }));
    return Buffer.byteLength(JSON.stringify({ ...user, Attributes }));
  });
  const mean = bytes.reduce((sum, size) => sum + size, 0) / bytes.length;
  expect(mean).toBeGreaterThan(500);
  expect(mean).toBeLessThan(750);
});

test.each([3, 5, 12, 40, 200, 1000])(
  'with %i groups, sizes fall from nearly all users to zero',
  (groups) => {
    const users = 20_000;
    const pool = generate({ users, groups });
    const ordinary = [...pool.groups()].filter((group) => !group.groupName.startsWith(POOL));
    const sizes = ordinary
      .map((group) => pool.memberCount(group.groupName))
      .toSorted((a, b) => b - a);
    expect(sizes[0]).toBeGreaterThan(0.93 * users);
    expect(sizes[0]).toBeLessThan(0.97 * users);
    if (groups >= 12) expect(sizes.at(-1)).toBe(0);
    let total = 0;
    for (const group of pool.groups()) total += pool.memberCount(group.groupName);
    expect(total).toBeGreaterThan(1.5 * users);
    expect(total).toBeLessThan(2 * users);
  },
);

test('no user is in more than 100 groups, even with few users', () => {
  const pool = generate({ users: 3, groups: 10_000 });
  for (const user of pool.users()) {
    expect([...pool.groupNamesOf(user.username)].length).toBeLessThanOrEqual(100);
  }
});

test('automatic groups hold exactly the users of their provider', () => {
  const pool = generate();
  for (const provider of ['Google', 'Facebook', 'SAML']) {
    const members = [...pool.members(`${POOL}_${provider}`)].map((user) => user.username);
    const expected = [...pool.users()]
      .map((user) => user.username)
      .filter((name) => name.startsWith(`${provider}_`));
    expect(members.toSorted()).toEqual(expected.toSorted());
  }
});

test('precedences are equal, null and zero, with equal and with different roles', () => {
  const groups = [...generate({ groups: 60 }).groups()];
  const byPrecedence = new Map<number | null, typeof groups>();
  for (const group of groups) {
    byPrecedence.set(group.precedence, [...(byPrecedence.get(group.precedence) ?? []), group]);
  }
  expect(byPrecedence.has(null)).toBe(true);
  expect(byPrecedence.has(0)).toBe(true);
  const levels = [...byPrecedence.values()].filter((level) => level.length > 1);
  const rolesOf = (level: typeof groups) =>
    level.map((group) => group.roleArn).filter((role) => role !== null);
  expect(levels.some((level) => new Set(rolesOf(level)).size > 1)).toBe(true);
  expect(levels.some((level) => rolesOf(level).length > new Set(rolesOf(level)).size)).toBe(true);
  expect(groups.some((group) => group.description === null)).toBe(true);
  const odd = groups.filter((group) => ODD_TEXTS.includes(group.description ?? 'no'));
  expect(odd.length).toBeGreaterThan(3);
});

test('a million users take seconds of the processor and little memory', () => {
  const before = process.memoryUsage().rss;
  const start = process.cpuUsage();
  const pool = generate({ users: 1_000_000, groups: 200 });
  const { user, system } = process.cpuUsage(start);
  expect((user + system) / 1e6).toBeLessThan(20);
  expect([...pool.store.listBySub('abcde')].length).toBeLessThan(20);
  expect(pool.memberCount('everyone')).toBeGreaterThan(900_000);
  expect(process.memoryUsage().rss - before).toBeLessThan(300e6);
});

test('no group except those of providers is larger than the share for the largest', () => {
  const pool = generate({ users: 10_000, groups: 40, largestShare: 0.1 });
  const sizes = [...pool.groups()].map(({ groupName }) => pool.memberCount(groupName));
  expect(pool.memberCount('everyone')).toBeGreaterThan(900);
  expect(Math.max(...sizes)).toBeLessThan(1_100);
});
