import { afterEach, describe, expect, test } from 'vitest';
import { RefusedRequestError, ResourceNotFoundError } from '../../src/cognito/errors.ts';
import type { Listing } from '../../src/cognito/listing.ts';
import { ActionRequiredError } from '../../src/model/errors.ts';
import {
  type Simulator,
  type SimulatorOptions,
  startSimulator,
} from '../../src/simulator/index.ts';
import { collect, never, openService, POOL, rejection, type TestService } from './support.ts';

let simulator: Simulator;
let service: TestService;
afterEach(async () => {
  await service.close();
  await simulator.close();
});

async function open(options: SimulatorOptions = {}): Promise<void> {
  simulator = await startSimulator({ rps: 0, users: 200, groups: 30, ...options });
  service = openService(simulator.url);
}

const USERS = { kind: 'users', poolId: POOL } as const;

const list = (listing: Listing) => collect(service.cognito.list(listing, never()));

async function items(listing: Listing): Promise<Record<string, unknown>[]> {
  return (await list(listing)).flatMap((page) => page.items);
}

const name = (item: Record<string, unknown>) => (item['Username'] ?? item['GroupName']) as string;

describe("lists the items in the service's own form", () => {
  test('users', async () => {
    await open();
    const users = await items(USERS);
    expect(users).toHaveLength(200);
    const [record] = simulator.pool().users();
    const user = users.find((each) => each['Username'] === record?.username);
    expect(user).toMatchObject({
      Username: record?.username,
      UserStatus: record?.status,
      Enabled: record?.enabled,
      UserCreateDate: new Date(record?.createdAt ?? 0).toISOString(),
      UserLastModifiedDate: new Date(record?.modifiedAt ?? 0).toISOString(),
    });
    expect(user?.['Attributes']).toContainEqual({
      Name: 'sub',
      Value: record?.attributes.get('sub'),
    });
  });

  test('groups, and the members of one', async () => {
    await open();
    const groups = await items({ kind: 'groups', poolId: POOL });
    expect(groups).toHaveLength(30);
    expect(groups[0]).toMatchObject({
      UserPoolId: POOL,
      CreationDate: expect.stringMatching(/Z$/),
    });
    for (const groupName of groups.map(name)) {
      const members = await items({ kind: 'members', poolId: POOL, groupName });
      const held = [...simulator.pool().members(groupName)];
      expect(members.map(name).sort()).toEqual(held.map((each) => each.username).sort());
    }
  });

  test('users of a filter, with the requested attributes', async () => {
    await open({ users: 0 });
    for (const [username, email] of [
      ['a', 'jane@example.com'],
      ['b', 'jack@example.com'],
      ['c', 'bob@example.com'],
    ] as const) {
      simulator.pool().createUser({ username, attributes: { email, name: 'x' } });
    }
    const found = await items({ ...USERS, filter: 'email ^= "ja"', attributes: ['email'] });
    expect(found.map(name).sort()).toEqual(['a', 'b']);
    const [first] = found.toSorted((a, b) => (name(a) < name(b) ? -1 : 1));
    expect(first?.['Attributes']).toEqual([{ Name: 'email', Value: 'jane@example.com' }]);
  });
});

describe('the range', () => {
  test('pages have the requested size', async () => {
    await open();
    const pages = await list({ ...USERS, pageSize: 7 });
    expect(pages.slice(0, -1).every((page) => page.items.length === 7)).toBe(true);
  });

  test.each([1, 3, 10, 60, 61, 75, 199, 200, 500])(
    'stops after exactly %d items, at a token that loses nothing and repeats nothing',
    async (maxItems) => {
      await open({ pageFill: 0.8, faults: { 'empty-page': 0.2 } });
      for (const pageSize of [undefined, 7, 60]) {
        const sized = pageSize === undefined ? USERS : { ...USERS, pageSize };
        const head = await list({ ...sized, maxItems });
        const listed = head.flatMap((page) => page.items).map(name);
        expect(listed).toHaveLength(Math.min(maxItems, 200));
        const startingToken = head.at(-1)?.nextToken ?? null;
        const rest = startingToken === null ? [] : await items({ ...sized, startingToken });
        const all = [...simulator.pool().users()].map((each) => each.username);
        expect([...listed, ...rest.map(name)].sort()).toEqual(all.sort());
      }
    },
  );

  test('of groups and members is the same', async () => {
    await open();
    const groups: Listing = { kind: 'groups', poolId: POOL, pageSize: 4, maxItems: 10 };
    const head = await list(groups);
    const startingToken = head.at(-1)?.nextToken as string;
    const rest = await items({ kind: 'groups', poolId: POOL, startingToken });
    expect(head.flatMap((page) => page.items)).toHaveLength(10);
    expect(rest).toHaveLength(20);
    const largest = [...simulator.pool().groups()]
      .map((group) => group.groupName)
      .toSorted((a, b) => simulator.pool().memberCount(b) - simulator.pool().memberCount(a))[0];
    const members = { kind: 'members', poolId: POOL, groupName: largest as string } as const;
    expect(await items({ ...members, maxItems: 5 })).toHaveLength(5);
  });

  test('of nothing asks for nothing', async () => {
    await open();
    expect(await list({ ...USERS, maxItems: 0 })).toEqual([]);
    expect(simulator.attempts.total).toBe(0);
  });
});

describe('a bad listing is an ActionRequiredError with a remedy', () => {
  test.each<[string, Listing, unknown, RegExp]>([
    ['filter', { ...USERS, filter: 'custom:x = "a"' }, RefusedRequestError, /quoted value/],
    [
      'attribute',
      { ...USERS, attributes: ['nickname'] },
      RefusedRequestError,
      /List no attributes/,
    ],
    ['page size', { ...USERS, pageSize: 61 }, RefusedRequestError, /other parameters/],
    [
      'token',
      { ...USERS, startingToken: 'invented' },
      ActionRequiredError,
      /--starting-token.*within an hour/s,
    ],
    [
      'group',
      { kind: 'members', poolId: POOL, groupName: 'missing' },
      ResourceNotFoundError,
      /the group/,
    ],
    [
      'pool',
      { kind: 'groups', poolId: 'us-east-1_Missing' },
      ResourceNotFoundError,
      /does not exist/,
    ],
  ])('%s', async (_, listing, type, says) => {
    await open();
    const error = await rejection(list(listing));
    expect(error).toBeInstanceOf(type);
    expect(error).toBeInstanceOf(ActionRequiredError);
    expect(error.message).toMatch(says);
    expect(error.message).not.toContain('invented');
    expect(simulator.attempts.total).toBe(1);
  });
});
