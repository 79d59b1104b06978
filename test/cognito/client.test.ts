import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  NotAuthorizedError,
  ResourceNotFoundError,
  TokenRefusedError,
} from '../../src/cognito/errors.ts';
import { isInside, listChildren } from '../../src/cognito/shards.ts';
import type { User } from '../../src/model/directory.ts';
import { ResumableError } from '../../src/model/errors.ts';
import { isStorable, unescapeUnstorable } from '../../src/model/storable.ts';
import {
  type Simulator,
  type SimulatorOptions,
  startSimulator,
} from '../../src/simulator/index.ts';
import type { UserRecord } from '../../src/simulator/records.ts';
import {
  collect,
  itemsOf,
  never,
  openService,
  POOL,
  rejection,
  type ServiceOptions,
  serve,
  type TestService,
} from './support.ts';

const START = { token: null };
const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});

async function open(
  options: SimulatorOptions = {},
  service: ServiceOptions = {},
): Promise<{ simulator: Simulator } & TestService> {
  const simulator = await startSimulator({ rps: 0, users: 400, groups: 12, ...options });
  const parts = openService(simulator.url, service);
  opened.push(simulator, parts);
  return { simulator, ...parts };
}

/** What the simulator holds, in the mirror's form, made without the mirror's code. */
function expectedUser(record: UserRecord): Omit<User, 'escaped' | 'attributes'> {
  return {
    username: record.username,
    sub: record.attributes.get('sub') ?? null,
    status: record.status,
    enabled: record.enabled,
    createdAt: new Date(record.createdAt),
    modifiedAt: new Date(record.modifiedAt),
    mfaOptions: record.mfaOptions.map((option) => ({
      deliveryMedium: option.DeliveryMedium,
      attributeName: option.AttributeName,
    })),
  };
}

function expectSame(users: readonly User[], records: Iterable<UserRecord>): void {
  const byName = new Map(users.map((user) => [user.username, user]));
  let count = 0;
  for (const record of records) {
    count += 1;
    const { escaped, attributes, ...fields } = byName.get(record.username) as User;
    expect(fields).toEqual(expectedUser(record));
    expect(Object.keys(attributes).sort()).toEqual([...record.attributes.keys()].sort());
    for (const [name, value] of record.attributes) {
      const stored = attributes[name] as string;
      expect(isStorable(stored)).toBe(true);
      expect(escaped.includes(name)).toBe(!isStorable(value));
      expect(escaped.includes(name) ? unescapeUnstorable(stored) : stored).toBe(value);
    }
  }
  expect(users).toHaveLength(count);
}

describe('reads everything in the service', () => {
  test.each([1, 2, 3])('users of seed %d, field by field, odd text included', async (seed) => {
    const { simulator, cognito } = await open({ seed, users: 1_500 });
    const users = await itemsOf(cognito.userPages(POOL, '', START, never()));
    expectSame(users, simulator.pool().users());
    expect(users.some((user) => user.escaped.length > 0)).toBe(true);
  });

  test('a lone surrogate and U+0000, in a user, a group and a field', async () => {
    const { simulator, cognito } = await open({ users: 0, groups: 0 });
    const attributes = { name: 'half \ud83d', 'custom:x': '\0' };
    simulator.pool().createUser({ username: 'odd', attributes });
    simulator.pool().createGroup('g', { description: 'a\0b' });
    expectSame(
      await itemsOf(cognito.userPages(POOL, '', START, never())),
      simulator.pool().users(),
    );
    const [group] = await itemsOf(cognito.groupPages(POOL, START, never()));
    expect(group).toMatchObject({ description: 'a\\u0000b', escaped: ['description'] });
  });

  test('groups and the members of each, as whole profiles', async () => {
    const { simulator, cognito } = await open();
    const groups = await itemsOf(cognito.groupPages(POOL, START, never()));
    const held = [...simulator.pool().groups()];
    expect(groups.map((group) => group.groupName).sort()).toEqual(
      held.map((group) => group.groupName).sort(),
    );
    for (const record of held) {
      const group = groups.find((each) => each.groupName === record.groupName);
      expect(group).toEqual({
        ...record,
        createdAt: new Date(record.createdAt),
        modifiedAt: new Date(record.modifiedAt),
        escaped: [],
      });
      const pages = cognito.memberPages(POOL, record.groupName, START, never());
      expectSame(await itemsOf(pages), simulator.pool().members(record.groupName));
    }
  });

  test('the pool itself', async () => {
    const { simulator, cognito } = await open({ account: '210987654321' });
    const pool = await cognito.describePool(POOL, never());
    expect(pool).toEqual({
      poolId: POOL,
      name: simulator.pool().settings.name,
      arn: `arn:aws:cognito-idp:us-east-1:210987654321:userpool/${POOL}`,
      accountId: '210987654321',
      region: 'us-east-1',
      estimatedUsers: 400,
      mfaConfiguration: simulator.pool().settings.mfaConfiguration,
      customAttributes: [...simulator.pool().settings.schema.keys()]
        .filter((name) => name.includes('custom:'))
        .sort(),
    });
  });

  test('every pool of the Region, over several pages', async () => {
    const pools = Array.from({ length: 70 }, (_, i) => `us-east-1_Pool${i}`);
    const { cognito } = await open({ pools: [...pools, 'eu-west-1_Other'], users: 1, groups: 0 });
    expect((await collect(cognito.listPools(never()))).map(({ poolId }) => poolId).sort()).toEqual(
      pools.sort(),
    );
  });

  test('one user by name, and null for an unknown name', async () => {
    const { simulator, cognito } = await open();
    const [record] = simulator.pool().users();
    const user = await cognito.getUser(POOL, (record as UserRecord).username, never());
    expectSame([user as User], [record as UserRecord]);
    await expect(cognito.getUser(POOL, 'nobody-of-that-name', never())).resolves.toBeNull();
  });

  test('the MFA state of a user by name, and null for an unknown name', async () => {
    const { simulator, cognito } = await open();
    const users = [...simulator.pool().users()];
    const record = users.find(({ mfaSettings }) => mfaSettings.length > 0) as UserRecord;
    await expect(cognito.getMfa(POOL, record.username, never())).resolves.toEqual({
      sub: record.attributes.get('sub'),
      settings: [...record.mfaSettings].sort(),
      preferred: record.preferredMfa,
    });
    await expect(cognito.getMfa(POOL, 'nobody-of-that-name', never())).resolves.toBeNull();
  });
});

describe('shards', () => {
  test('of sixteen children hold each user exactly once', async () => {
    const { simulator, cognito } = await open({ users: 1_000, pageFill: 0.7 });
    const users = await Promise.all(
      listChildren('').map(async (prefix) => {
        const inside = await itemsOf(cognito.userPages(POOL, prefix, START, never()));
        expect(inside.every((user) => isInside(prefix, user.sub))).toBe(true);
        return inside;
      }),
    );
    expectSame(users.flat(), simulator.pool().users());
  });
});

describe('a walk', () => {
  test('continues over empty and short pages, and ends only on an absent token', async () => {
    const { simulator, cognito } = await open({
      faults: { 'empty-page': 0.4, 'short-page': 0.4 },
      pageFill: 0.5,
    });
    const pages = await collect(cognito.userPages(POOL, '', START, never()));
    expect(pages.some((page) => page.items.length === 0 && page.nextToken !== null)).toBe(true);
    expect(pages.filter((page) => page.nextToken === null)).toEqual([pages.at(-1)]);
    expectSame(
      pages.flatMap((page) => page.items),
      simulator.pool().users(),
    );
  });

  test('can be resumed at any of its tokens, also by another client', async () => {
    const { simulator, cognito } = await open({ users: 300 });
    const pages = await collect(cognito.userPages(POOL, '', START, never()));
    const again = openService(simulator.url);
    opened.push(again);
    for (const [i, { nextToken }] of pages.entries()) {
      if (nextToken === null) continue;
      const rest = await itemsOf(again.cognito.userPages(POOL, '', { token: nextToken }, never()));
      const head = pages.slice(0, i + 1).flatMap((page) => page.items);
      expectSame([...head, ...rest], simulator.pool().users());
    }
  });

  test('reports when the successful attempt was sent', async () => {
    const { simulator, cognito } = await open({ latencyMs: 20, faults: { throttle: 0.5 } });
    const pages = await collect(cognito.userPages(POOL, '', START, never()));
    const answered = simulator.attempts.entries({ operation: 'ListUsers', outcome: 'ok' });
    expect(pages).toHaveLength(answered.length);
    for (const [i, page] of pages.entries()) {
      const arrived = answered[i]?.since ?? 0;
      expect(page.sentAt).toBeLessThanOrEqual(arrived);
      expect(page.sentAt).toBeGreaterThan(answered[i - 1]?.since ?? 0);
    }
  });

  test('survives throttling, internal errors and dropped connections, and counts them', async () => {
    const { simulator, cognito, meter } = await open({
      users: 1_200,
      faults: { throttle: 0.2, 'internal-error': 0.2, drop: 0.2 },
    });
    expectSame(
      await itemsOf(cognito.userPages(POOL, '', START, never())),
      simulator.pool().users(),
    );
    const { attempts } = simulator;
    const ok = attempts.count({ outcome: 'ok' });
    expect(meter.counts).toEqual({
      apiCalls: attempts.total,
      throttled: attempts.count({ outcome: 'throttled' }),
      retries: attempts.total - ok,
    });
    expect(meter.counts.retries).toBeGreaterThan(0);
  });

  test('ends with TokenRefusedError if a token is refused or too old', async () => {
    const { simulator, cognito } = await open({ pageTokenTtlSeconds: 0.05 });
    const pages = cognito.userPages(POOL, 'a', { token: 'invented' }, never());
    expect(await rejection(collect(pages))).toBeInstanceOf(TokenRefusedError);
    const slow = async () => {
      for await (const page of cognito.userPages(POOL, '', START, never())) {
        expect(page.nextToken).not.toBeNull();
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    };
    expect(await rejection(slow())).toBeInstanceOf(TokenRefusedError);
    expect(simulator.attempts.count({ outcome: 'ok' })).toBe(1);
  });

  test('stops at a denial by the service or by IAM', async () => {
    const { simulator, cognito } = await open({ deny: { ListGroups: 'NotAuthorizedException' } });
    simulator.denied.set('ListUsersInGroup', 'AccessDeniedException');
    const groups = collect(cognito.groupPages(POOL, START, never()));
    const members = collect(cognito.memberPages(POOL, 'any', START, never()));
    for (const error of await Promise.all([groups, members].map(rejection))) {
      expect(error).toBeInstanceOf(NotAuthorizedError);
    }
    expect(simulator.attempts.total).toBe(2);
  });

  test('of a missing pool or group ends with ResourceNotFoundError', async () => {
    const { simulator, cognito } = await open();
    const calls = [
      cognito.describePool('us-east-1_Missing', never()),
      collect(cognito.userPages('us-east-1_Missing', '', START, never())),
      collect(cognito.memberPages(POOL, 'missing', START, never())),
      cognito.describePool('eu-west-1_Elsewhere', never()),
    ];
    for (const error of await Promise.all(calls.map(rejection))) {
      expect(error).toBeInstanceOf(ResourceNotFoundError);
    }
    expect(simulator.attempts.total).toBe(4);
  });
});

describe('a server that returns tokens in a circle', () => {
  const user = { Username: 'a', Attributes: [] };

  test.each([
    ['the token of the request', 1, 1],
    ['a token of a few pages before', 5, 5],
    ['a token of many pages before', 100, 300],
  ])('is detected by %s, without repeating the token', async (_, length, most) => {
    const server = await serve(({ number }) => ({
      body: { Users: [user], PaginationToken: `secret-token-${number % length}` },
    }));
    const service = openService(server.url);
    opened.push(server, service);
    const error = await rejection(
      collect(service.cognito.userPages(POOL, '', { token: 'secret-token-0' }, never())),
    );
    expect(error).toBeInstanceOf(ResumableError);
    expect(error.message).not.toContain('secret-token');
    expect(server.requests.length).toBeLessThanOrEqual(most);
  });
});

describe('many calls at once', () => {
  const warnings: Error[] = [];
  beforeAll(() => {
    process.on('warning', (warning) => warnings.push(warning));
  });

  test('with one signal cause no warning and leave no listener', async () => {
    const { cognito } = await open();
    const { signal } = new AbortController();
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    const listeners = new Set<unknown>();
    signal.addEventListener = (...given: Parameters<typeof add>) => {
      listeners.add(given[1]);
      add(...given);
    };
    signal.removeEventListener = (...given: Parameters<typeof remove>) => {
      listeners.delete(given[1]);
      remove(...given);
    };
    await Promise.all(
      Array.from({ length: 40 }, () => collect(cognito.userPages(POOL, '', START, signal))),
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(warnings).toEqual([]);
    expect(listeners.size).toBe(0);
  });
});
