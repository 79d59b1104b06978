import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type Change,
  createMirror,
  type Loss,
  type Mirror,
  type RestoreResult,
} from '../../src/index.ts';
import {
  createSchema,
  customAttribute,
  type PoolSpec,
  type SimulatedPool,
  type Simulator,
  startSimulator,
} from '../../src/simulator/index.ts';
import { createTestDatabase, runSql } from '../support/postgres.ts';
import { temporaryFolder } from '../support/temp.ts';

const POOL = 'us-east-1_Source';
const TARGET = 'us-east-1_Target';

let home: Awaited<ReturnType<typeof temporaryFolder>>;
let database: Awaited<ReturnType<typeof createTestDatabase>>;
let simulator: Simulator | undefined;
let mirror: Mirror | undefined;
beforeEach(async () => {
  home = await temporaryFolder();
  database = await createTestDatabase();
});
afterEach(async () => {
  await mirror?.close();
  await simulator?.close();
  await database.drop();
  await home.remove();
});

/** Writes without a quota. The service's own of 5 groups a second and pool stays. */
const LIFTED = {
  UserCreation: 10_000,
  UserAccountRecovery: 10_000,
  UserUpdate: 10_000,
  UserResourceUpdate: 10_000,
  UserPoolResourceUpdate: 10_000,
};

type Settings = NonNullable<PoolSpec['settings']>;

/** A pool of a kind, and what its target is like. */
interface Kind {
  readonly source?: Settings;
  readonly target?: Settings;
  readonly users?: number;
  readonly groups?: number;
  /** Adds what makes the kind. */
  readonly fill?: (pool: SimulatedPool) => void;
}

const email = (name: string) => ({ email: `${name}@example.com`, email_verified: 'true' });

const CUSTOM = Array.from({ length: 50 }, (_, index) => customAttribute(`custom:field_${index}`));

const KINDS: readonly [string, Kind][] = [
  [
    'that signs in by e-mail address',
    {
      source: { usernameAttributes: ['email'] },
      target: { usernameAttributes: ['email'] },
      users: 0,
      groups: 3,
      fill(pool) {
        for (let index = 0; index < 40; index += 1) {
          const username = `0000000${index}-made-by-the-pool`;
          pool.createUser({ username, status: 'CONFIRMED', attributes: email(`user-${index}`) });
          for (const { groupName } of pool.groups()) {
            if (!groupName.startsWith(POOL)) pool.addToGroup(username, groupName);
          }
        }
        pool.createUser({ username: 'without-address', status: 'CONFIRMED' });
      },
    },
  ],
  [
    'with federated users and links',
    {
      users: 60,
      groups: 6,
      fill(pool) {
        const google = { providerName: 'Google', providerType: 'Google' };
        for (let index = 0; index < 10; index += 1) {
          const username = `native-${index}`;
          pool.createUser({ username, status: 'CONFIRMED', attributes: email(username) });
          pool.linkIdentity(username, { ...google, userId: `10${index}` });
        }
      },
    },
  ],
  ['with 100 groups', { users: 60, groups: 100 }],
  [
    'with 50 custom attributes, of which the target lacks one and limits another',
    {
      source: { schema: createSchema(CUSTOM) },
      target: {
        schema: createSchema([
          ...CUSTOM.slice(1, -1),
          { ...customAttribute('custom:field_49'), max: 3 },
          customAttribute('custom:previous_sub'),
        ]),
      },
      users: 0,
      groups: 0,
      fill(pool) {
        for (let user = 0; user < 30; user += 1) {
          const attributes = Object.fromEntries(
            CUSTOM.map(({ name }, index) => [name, `value ${index} of ${user}`]),
          );
          pool.createUser({ username: `user-${user}`, status: 'CONFIRMED', attributes });
        }
      },
    },
  ],
  [
    'with disabled users and every status',
    {
      users: 0,
      groups: 2,
      fill(pool) {
        const statuses = [
          'CONFIRMED',
          'UNCONFIRMED',
          'FORCE_CHANGE_PASSWORD',
          'RESET_REQUIRED',
          'ARCHIVED',
          'COMPROMISED',
          'UNKNOWN',
        ];
        for (const status of statuses) {
          for (const enabled of [true, false]) {
            const username = `${status}-${enabled}`;
            pool.createUser({ username, status, enabled, attributes: email(username) });
            for (const { groupName } of pool.groups()) pool.addToGroup(username, groupName);
          }
        }
      },
    },
  ],
  [
    'with odd names and values',
    {
      users: 0,
      groups: 0,
      fill(pool) {
        pool.createGroup('Größe/🙂,"', { description: 'two\nlines', precedence: 0 });
        for (const username of ['a,"b', 'Ünï🙂', '\\u0000', 'x'.repeat(128)]) {
          pool.createUser({
            username,
            status: 'CONFIRMED',
            attributes: { name: 'a\u0000b\ud800', nickname: '' },
          });
          pool.addToGroup(username, 'Größe/🙂,"');
        }
      },
    },
  ],
];

/** A user as the mirror has it, by what it is compared by. */
interface MirroredUser {
  readonly username: string;
  readonly sub: string;
  readonly status: string;
  readonly enabled: boolean;
  readonly attributes: Readonly<Record<string, string>>;
  readonly groups: readonly string[];
}

async function usersOf(poolId: string, byEmail: boolean): Promise<Map<string, MirroredUser>> {
  const rows = (await runSql(
    database.url,
    `SELECT username, sub, status, enabled, attributes, ARRAY(
       SELECT group_name FROM directory.memberships AS m
       WHERE m.pool_id = u.pool_id AND m.username = u.username ORDER BY group_name
     ) AS groups
     FROM directory.users AS u WHERE pool_id = $1`,
    [poolId],
  )) as unknown as MirroredUser[];
  return new Map(
    rows.map((row) => [byEmail ? (row.attributes['email'] ?? row.username) : row.username, row]),
  );
}

/** The attributes without those that no restore can keep; links without their dates. */
function comparable({ attributes }: MirroredUser): Map<string, string> {
  const { identities = '[]', ...others } = attributes;
  const links = (JSON.parse(identities) as { providerName: string; userId: string }[]).map(
    ({ providerName, userId }) => `${providerName} ${userId}`,
  );
  // The service takes an empty value for none.
  const set = Object.entries(others).filter(
    ([name, value]) => value !== '' && name !== 'sub' && name !== 'custom:previous_sub',
  );
  return new Map([...set, ...links.map((link): [string, string] => [link, 'linked'])]);
}

/** What differs between two pools in the mirror, in the words in which a loss names it. */
async function differences(byEmail: boolean): Promise<string[]> {
  const [before, after] = [await usersOf(POOL, byEmail), await usersOf(TARGET, byEmail)];
  const found: string[] = [];
  for (const [key, user] of before) {
    const { username } = user;
    const restored = after.get(key);
    for (const group of user.groups) {
      if (!restored?.groups.includes(group)) found.push(`membership ${username} ${group}`);
    }
    if (restored === undefined) {
      found.push(`user ${username}`);
      continue;
    }
    const [own, others] = [comparable(user), comparable(restored)];
    for (const name of new Set([...own.keys(), ...others.keys()])) {
      if (own.get(name) !== others.get(name)) found.push(`user ${username} ${name}`);
    }
    if (user.status !== restored.status) found.push(`user ${username} status`);
    if (user.enabled !== restored.enabled) found.push(`user ${username} enabled`);
    for (const group of restored.groups) {
      if (!user.groups.includes(group)) found.push(`membership ${username} too much: ${group}`);
    }
  }
  for (const key of after.keys()) if (!before.has(key)) found.push(`user too much: ${key}`);
  const groups = (await runSql(
    database.url,
    `SELECT group_name AS name FROM (
       SELECT group_name, description, role_arn, precedence FROM directory.groups WHERE pool_id = $1
       EXCEPT
       SELECT group_name, description, role_arn, precedence FROM directory.groups WHERE pool_id = $2
     ) AS missing`,
    [POOL, TARGET],
  )) as { name: string }[];
  return [...found, ...groups.map(({ name }) => `group ${name}`)].sort();
}

/** The same as `diff` shows it. What no restore can keep is left out. */
async function changesByName(asked: Mirror): Promise<string[]> {
  const found: string[] = [];
  await asked.diff(
    POOL,
    async (_, batches) => {
      for await (const changes of batches) found.push(...changes.flatMap(wordsOf));
    },
    { to: `${TARGET}/latest` },
  );
  return found.sort();
}

const NOT_KEPT = ['custom:previous_sub', 'identities', 'mfa_options'];

function wordsOf(change: Change): string[] {
  if (change.entity === 'setting') return [change.part];
  if (change.entity === 'group') return [`group ${change.groupName}`];
  const { kind, username, fields, groups } = change;
  const left = groups.removed.map((group) => `membership ${username} ${group}`);
  if (kind === 'removed') return [`user ${username}`, ...left];
  const joined = groups.added.map((group) => `membership ${username} too much: ${group}`);
  const differing = Object.entries(fields)
    .filter(([name, { from }]) => from !== '' && !NOT_KEPT.includes(name))
    .map(([name]) => `user ${username} ${name}`);
  return [...differing, ...left, ...joined];
}

/** The losses that a report names, in the same words. */
function named(losses: readonly Loss[]): string[] {
  return losses
    .map(({ entity, name, reason, whole, detail }) => {
      if (whole) return [entity, name, detail && entity === 'membership' ? detail : null];
      return [entity, name, reason === 'status' ? 'status' : detail];
    })
    .map((words) => words.filter((word) => word !== null && word !== '').join(' '))
    .sort();
}

async function readReport({ files }: RestoreResult): Promise<{ notRestored: Loss[] }> {
  return JSON.parse(await readFile(files.report, 'utf8'));
}

describe('a snapshot and the pool that it was restored into', () => {
  test.each(KINDS)('differ only in what the report names: a pool %s', async (_, kind) => {
    simulator = await startSimulator({
      rps: 0,
      pools: [
        { id: POOL, users: kind.users ?? 0, groups: kind.groups ?? 0, settings: kind.source ?? {} },
        { id: TARGET, users: 0, groups: 0, settings: kind.target ?? {} },
      ],
    });
    kind.fill?.(simulator.pool(POOL));
    mirror = await createMirror({
      home: home.path,
      databaseUrl: database.url,
      archiveFormats: ['jsonl'],
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      endpoints: { cognito: simulator.url },
      quotas: { share: 1, userListRps: 10_000, writeQuotas: LIFTED },
    });
    await mirror.sync(POOL);
    const request = { from: `${POOL}/latest`, to: TARGET, share: 1 };
    const { plan, result } = await mirror.restore(request);
    expect(result).toMatchObject({ outcome: 'done', failures: [] });
    await mirror.sync(TARGET);

    const report = await readReport(result as RestoreResult);
    const byEmail = kind.target?.usernameAttributes !== undefined;
    expect(await differences(byEmail)).toEqual(named(report.notRestored));
    if (!byEmail) expect(await changesByName(mirror)).toEqual(named(report.notRestored));

    const subs = await readFile(result?.files.subMap ?? '', 'utf8');
    const after = [...(await usersOf(TARGET, byEmail)).values()];
    expect(subs.trimEnd().split('\r\n')).toHaveLength(1 + after.length);
    for (const { sub } of after) expect(subs).toContain(`,${sub}\r\n`);

    const again = await mirror.restore(request);
    for (const { create, update } of Object.values(again.plan.counts)) {
      expect({ create, update }).toEqual({ create: 0, update: 0 });
    }
    expect(again.plan.counts.user.equal).toBe(plan.counts.user.create);
  });
});
