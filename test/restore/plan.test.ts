import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  createMirror,
  type Loss,
  type Mirror,
  type MirrorOptions,
  type RestorePlan,
  type RestoreRequest,
  type RestoreTask,
} from '../../src/index.ts';
import { type Simulator, startSimulator } from '../../src/simulator/server.ts';
import { createTestDatabase, runSql } from '../support/postgres.ts';
import { temporaryFolder } from '../support/temp.ts';

const POOL = 'us-east-1_Source';
const TARGET = 'us-east-1_Target';

let simulator: Simulator;
let home: Awaited<ReturnType<typeof temporaryFolder>>;
let database: Awaited<ReturnType<typeof createTestDatabase>>;
let mirror: Mirror;
beforeEach(async () => {
  simulator = await startSimulator({
    rps: 0,
    pools: [
      { id: POOL, users: 80, groups: 4 },
      { id: TARGET, users: 0, groups: 0 },
    ],
  });
  home = await temporaryFolder();
  database = await createTestDatabase();
  mirror = await openMirror(database.url);
});
afterEach(async () => {
  await mirror.close();
  await simulator.close();
  await database.drop();
  await home.remove();
});

function openMirror(databaseUrl: string, options: MirrorOptions = {}): Promise<Mirror> {
  return createMirror({
    ...options,
    home: home.path,
    databaseUrl,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    endpoints: { cognito: simulator.url },
    quotas: { share: 1, userListRps: 10_000 },
  });
}

interface Planned {
  readonly plan: RestorePlan;
  readonly tasks: readonly RestoreTask[];
  readonly losses: readonly Loss[];
  /** The operations that it sent. */
  readonly sent: ReadonlySet<string>;
}

/** What a restore would do, by name. */
async function planOf(request: Partial<RestoreRequest> = {}, by = mirror): Promise<Planned> {
  const tasks: RestoreTask[] = [];
  const losses: Loss[] = [];
  simulator.attempts.clear();
  const { plan, result } = await by.restore(
    { from: `${POOL}/latest`, to: TARGET, dryRun: true, ...request },
    {
      async onPlan(_, names) {
        tasks.push(...names.tasks());
        losses.push(...names.losses());
      },
    },
  );
  expect(result).toBeNull();
  const sent = new Set(simulator.attempts.entries().map(({ operation }) => String(operation)));
  return { plan, tasks, losses, sent };
}

const source = () => simulator.pool(POOL);
const target = () => simulator.pool(TARGET);

/** Users that no restore creates. */
const isLost = ({ status }: { status: string }) =>
  status === 'EXTERNAL_PROVIDER' || status === 'UNCONFIRMED';

/** Attributes that a new user can get. */
function withoutSub(attributes: ReadonlyMap<string, string>): Record<string, string> {
  return Object.fromEntries([...attributes].filter(([name]) => name !== 'sub'));
}

/** Puts the source's groups, users and memberships into the target, by other means. */
function copyToTarget(): void {
  for (const { groupName, description, roleArn, precedence } of source().groups()) {
    target().createGroup(groupName, {
      ...(description !== null && { description }),
      ...(roleArn !== null && { roleArn }),
      ...(precedence !== null && { precedence }),
    });
  }
  for (const { username, status, enabled, attributes } of source().users()) {
    target().createUser({ username, status, enabled, attributes: withoutSub(attributes) });
  }
  for (const { username, groupName } of source().memberships()) {
    target().addToGroup(username, groupName);
  }
}

/** The service's own groups for identity providers. */
const isOfProvider = ({ groupName }: { groupName: string }) => groupName.startsWith(`${POOL}_`);

const none = { create: 0, update: 0, equal: 0, lost: 0 };

describe('the plan of a restore', () => {
  test('into an empty pool creates all that can come back, in order', async () => {
    await mirror.sync(POOL);
    const { plan, tasks, losses, sent } = await planOf();
    const users = [...source().users()];
    const lost = users.filter(isLost);
    const memberships = [...source().memberships()];
    const lostMemberships = memberships.filter(({ username }) =>
      lost.some((user) => user.username === username),
    );
    expect(lost.length).toBeGreaterThan(0);
    const ofProviders = [...source().groups()].filter(isOfProvider).length;
    expect(ofProviders).toBeGreaterThan(0);
    expect(Object.keys(plan.source)).toEqual(['poolId', 'archive', 'snapshot', 'snapshotAt']);
    expect(plan.counts).toMatchObject({
      group: { ...none, create: 4 - ofProviders, lost: ofProviders },
      user: { ...none, create: users.length - lost.length, lost: lost.length },
      membership: {
        ...none,
        create: memberships.length - lostMemberships.length,
        lost: lostMemberships.length,
      },
    });
    const order = ['group', 'user', 'membership', 'link'];
    const entities = tasks.map(({ entity }) => entity);
    expect(entities).toEqual(entities.toSorted((a, b) => order.indexOf(a) - order.indexOf(b)));
    expect(new Set(losses.filter(({ whole }) => whole).map(({ entity }) => entity))).toEqual(
      new Set(['group', 'user', 'membership']),
    );
    const created = plan.counts.user.create;
    for (const reason of ['sub', 'dates', 'password']) {
      expect(plan.losses).toContainEqual({ reason, entity: 'user', whole: false, count: created });
    }
    expect(plan.quotas.map(({ quota }) => quota)).toContain('UserCreation');
    expect(plan.seconds).toBeGreaterThan(0);
    expect([...sent].sort()).toEqual(['DescribeUserPool', 'ListGroups', 'ListUsers']);
  });

  test('is the same from a manifest alone, without a database', async () => {
    const { archive } = await mirror.sync(POOL);
    const fromDatabase = await planOf();
    const manifest = join(home.path, 'archive', archive?.manifest ?? '');
    const other = await openMirror('postgres://localhost:1/none');
    try {
      const fromArchive = await planOf({ from: manifest }, other);
      expect(fromArchive.tasks).toEqual(fromDatabase.tasks);
      expect(fromArchive.losses).toEqual(fromDatabase.losses);
      expect(fromArchive.plan.counts).toEqual(fromDatabase.plan.counts);
      const one = { users: [[...source().users()][0]?.attributes.get('sub') ?? ''] };
      expect((await planOf({ from: manifest, ...one }, other)).tasks).toEqual(
        (await planOf(one)).tasks,
      );
    } finally {
      await other.close();
    }
  });

  test('finds nothing to do in a pool that has everything', async () => {
    await mirror.sync(POOL);
    copyToTarget();
    const { plan, tasks, sent } = await planOf();
    expect(tasks).toEqual([]);
    expect(plan.counts).toMatchObject({
      group: { ...none, equal: 4 },
      user: { ...none, equal: 80 },
      membership: { ...none, equal: [...source().memberships()].length },
    });
    expect(plan.quotas).toEqual([]);
    expect(sent).toContain('ListUsersInGroup');
  });

  test('changes only what differs', async () => {
    await mirror.sync(POOL);
    copyToTarget();
    const [first, second] = [...source().users()].filter((user) => !isLost(user) && user.enabled);
    const [group] = [...source().groups()].filter(({ description }) => description !== null);
    target().updateAttributes(first?.username ?? '', { nickname: 'new' });
    target().changeUser(second?.username ?? '', { enabled: false });
    target().updateGroup(group?.groupName ?? '', { description: 'other' });
    const { tasks } = await planOf();
    expect(tasks).toHaveLength(3);
    expect(tasks).toContainEqual({
      entity: 'group',
      action: 'update',
      groupName: group?.groupName,
      description: group?.description,
      roleArn: null,
      precedence: null,
    });
    expect(tasks).toContainEqual(
      expect.objectContaining({
        username: first?.username,
        attributes: { nickname: first?.attributes.get('nickname') ?? '' },
      }),
    );
    expect(tasks).toContainEqual(
      expect.objectContaining({ username: second?.username, attributes: {}, enabled: true }),
    );
  });

  test('of one user creates the groups that it needs, and looks the user up by name', async () => {
    target().estimatedUsers = 10_000;
    const [member] = [...source().members([...source().groups()][0]?.groupName ?? '')].filter(
      (user) => !isLost(user),
    );
    const username = member?.username ?? '';
    const groups = [...source().groupNamesOf(username)];
    await mirror.sync(POOL);
    const { plan, tasks, sent } = await planOf({ users: [username] });
    expect(plan.counts).toMatchObject({
      group: { ...none, create: groups.length },
      user: { ...none, create: 1 },
      membership: { ...none, create: groups.length },
    });
    expect(tasks[groups.length]).toMatchObject({ entity: 'user', username });
    expect([...sent].sort()).toEqual(['AdminGetUser', 'DescribeUserPool', 'ListGroups']);
    target().createGroup(groups[0] ?? '', { description: 'kept as it is' });
    const attributes = withoutSub(member?.attributes ?? new Map());
    target().createUser({ username, status: 'CONFIRMED', attributes });
    target().addToGroup(username, groups[0] ?? '');
    const again = await planOf({ users: [username] });
    expect(again.plan.counts).toMatchObject({
      group: { ...none, create: groups.length - 1 },
      membership: { ...none, create: groups.length - 1, equal: 1 },
    });
    expect(again.sent).toContain('AdminListGroupsForUser');
  });

  test('of a group creates its members, and leaves those that are there alone', async () => {
    const [group] = [...source().groups()].filter((each) => !isOfProvider(each));
    const groupName = group?.groupName ?? '';
    const members = [...source().members(groupName)].filter((user) => !isLost(user));
    const [there] = members;
    target().createUser({ username: there?.username ?? '', attributes: { email: 'other@x' } });
    await mirror.sync(POOL);
    const { tasks } = await planOf({ groups: [groupName] });
    expect(tasks.filter(({ entity }) => entity === 'group')).toMatchObject([{ groupName }]);
    expect(tasks.flatMap((task) => (task.entity === 'user' ? [task.username] : [])).sort()).toEqual(
      members
        .slice(1)
        .map(({ username }) => username)
        .sort(),
    );
    const joined = tasks.flatMap((task) => (task.entity === 'membership' ? [task] : []));
    expect(joined.every((task) => task.groupName === groupName)).toBe(true);
    expect(joined).toHaveLength(members.length);
  });

  test.each<[string, (groupName: string) => Partial<RestoreRequest>]>([
    ['of a group', (groupName) => ({ groups: [groupName] })],
    ['of memberships', () => ({ only: ['memberships'] })],
  ])('%s gives none to a person who has the name of another now', async (_, choose) => {
    const [group] = [...source().groups()].filter((each) => !isOfProvider(each));
    const groupName = group?.groupName ?? '';
    const [member] = [...source().members(groupName)].filter((user) => !isLost(user));
    const username = member?.username ?? '';
    await mirror.sync(POOL);
    source().deleteUser(username);
    source().createUser({ username, status: 'CONFIRMED' });
    const { tasks, losses } = await planOf({ to: POOL, ...choose(groupName) });
    expect(tasks.filter((task) => 'username' in task && task.username === username)).toEqual([]);
    expect(losses).toContainEqual({
      entity: 'membership',
      name: username,
      reason: 'no-user',
      whole: true,
      detail: groupName,
    });
  });

  test('keeps what the history lost to a privacy rule that hashes', async () => {
    const { snapshot } = await mirror.sync(POOL);
    copyToTarget();
    const rules = { hashAttributes: ['email'], hashKey: 'k'.repeat(32) };
    const ruled = await openMirror(database.url, rules);
    try {
      await ruled.sync(POOL);
    } finally {
      await ruled.close();
    }
    const scrub = "UPDATE directory.user_history SET attributes = attributes - 'email'";
    await runSql(database.url, scrub);
    const before = await planOf({ from: `${POOL}/${snapshot}` });
    expect(before.tasks.filter(({ entity }) => entity === 'user')).toEqual([]);
    await expect(planOf({ users: ['ann@example.com'] })).rejects.toThrow(
      /^--user: .* Give the username or the sub: privacy rules of the mirror hide e-mail addresses/,
    );
  });

  test('of some kinds writes only these', async () => {
    await mirror.sync(POOL);
    const groups = await planOf({ only: ['groups'] });
    expect(groups.plan.counts).toMatchObject({
      group: { create: [...source().groups()].filter((each) => !isOfProvider(each)).length },
      user: none,
      membership: none,
    });
    expect([...groups.sent].sort()).toEqual(['DescribeUserPool', 'ListGroups']);
    const memberships = await planOf({ only: ['memberships'] });
    expect(memberships.tasks).toEqual([]);
    expect(memberships.plan.losses).toEqual([
      {
        reason: 'no-user',
        entity: 'membership',
        whole: true,
        count: [...source().memberships()].length,
      },
    ]);
  });

  test('counts what a pool that signs in by addresses cannot take', async () => {
    const [native] = [...source().users()].filter((user) => !isLost(user));
    source().createUser({ username: 'nobody', status: 'CONFIRMED' });
    source().createUser({
      username: 'twin',
      status: 'CONFIRMED',
      attributes: { email: native?.attributes.get('email') ?? '' },
    });
    Object.assign(target().settings, { usernameAttributes: ['email'] });
    await mirror.sync(POOL);
    const { losses, tasks } = await planOf({ only: ['users'] });
    expect(losses).toContainEqual(
      expect.objectContaining({ name: 'nobody', reason: 'no-address' }),
    );
    expect(losses.filter(({ reason }) => reason === 'alias-conflict')).not.toEqual([]);
    const names = tasks.flatMap((task) => ('signInName' in task ? [task.signInName] : []));
    expect(names.every((name) => name.includes('@'))).toBe(true);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('a restore is refused before anything is written', () => {
  beforeEach(() => mirror.sync(POOL).then(() => {}));

  const refusal = (request: Partial<RestoreRequest>) =>
    mirror.restore({ from: `${POOL}/latest`, to: TARGET, ...request }).then(
      () => 'done',
      (error: Error) => ({ name: error.name, message: error.message }),
    );

  test.each<[string, Partial<RestoreRequest>, RegExp]>([
    ['of a wrong source', { from: 'somewhere' }, /^--from: is neither POOL\/SNAPSHOT nor/],
    ['of an unknown snapshot', { from: `${POOL}/20200101T000000Z` }, /does not exist/],
    [
      'of a manifest that is not there',
      { from: `/nowhere/manifests/pool_id=${POOL}/x.json` },
      /no manifest/,
    ],
    ['into a pool that is not there', { to: 'us-east-1_Nowhere' }, /does not exist in us-east-1/],
    ['into something else', { to: 'nowhere' }, /^--to: .*is not a pool id/],
    ['of an unknown user', { users: ['nobody'] }, /^--user: .* has no such user/],
    ['of an unknown group', { groups: ['nothing'] }, /^--group: .* has no such group/],
    ['with a wrong share', { share: 2 }, /^share: must be/],
  ])('%s', async (_, request, message) => {
    expect(await refusal(request)).toEqual({
      name: expect.stringMatching(/^(ActionRequiredError|ResourceNotFoundError)$/),
      message: expect.stringMatching(message),
    });
  });

  test('if triggers would run, unless that is accepted', async () => {
    Object.assign(target().settings, {
      triggers: { PreSignUp: 'arn:a', PostConfirmation: 'arn:b' },
    });
    expect(await refusal({})).toMatchObject({
      message: expect.stringMatching(/its PreSignUp trigger would run .*--accept-triggers/),
    });
    expect((await planOf()).plan.triggers).toEqual(['PreSignUp']);
    expect((await planOf({ only: ['groups'] })).plan.triggers).toEqual([]);
  });
});

test("the service's own recovery is advised where it serves better", async () => {
  await mirror.sync(POOL);
  expect((await planOf()).plan.recovery).toBeNull();
  expect((await planOf({ to: POOL })).plan.recovery).toBeNull();
  const [native] = [...source().users()].filter((user) => !isLost(user));
  source().deleteUser(native?.username ?? '');
  const { recovery } = (await planOf({ to: POOL })).plan;
  expect(recovery).toMatchObject({ tier: 'ESSENTIALS', days: 1 });
  expect(recovery?.command).toMatch(
    /^aws cognito-idp initiate-point-in-time-recovery --region us-east-1 --user-pool-id us-east-1_Source --restore-timestamp \S+Z$/,
  );
  expect((await planOf({ to: POOL, only: ['users'] })).plan.recovery).toBeNull();
  Object.assign(source().settings, { tier: 'LITE' });
  expect((await planOf({ to: POOL })).plan.recovery).toBeNull();
});
