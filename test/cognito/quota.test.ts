import { afterEach, describe, expect, test } from 'vitest';
import { listChildren } from '../../src/cognito/shards.ts';
import type { Operation } from '../../src/quota/quotas.ts';
import {
  type Simulator,
  type SimulatorOptions,
  startSimulator,
} from '../../src/simulator/server.ts';
import { mostInAnySecond } from '../quota/sliding.ts';
import {
  collect,
  itemsOf,
  never,
  openService,
  POOL,
  type ServiceOptions,
  type TestService,
} from './support.ts';

/**
 * Invariant 6: what the service sees has passed its bucket, and buckets release within the bound.
 * When an attempt arrives depends on the machine besides.
 */

const START = { token: null };
let simulator: Simulator;
let service: TestService;
afterEach(async () => {
  await service.close();
  await simulator.close();
});

async function open(options: SimulatorOptions, parts: ServiceOptions): Promise<void> {
  simulator = await startSimulator({ users: 2_000, groups: 10, ...options });
  service = openService(simulator.url, parts);
}

/** The most attempts that any second released, once the service has seen no others. */
function peak(...operations: readonly Operation[]): number {
  const released = service.releases.filter(({ operation }) => operations.includes(operation));
  const seen = operations.map((operation) => simulator.attempts.count({ operation }));
  // One that is stopped on its way is not seen.
  expect(released.length).toBeGreaterThanOrEqual(seen.reduce((sum, count) => sum + count, 0));
  return mostInAnySecond(released.map(({ at }) => at));
}

const USER_LIST: readonly Operation[] = ['ListUsers', 'ListUsersInGroup'];

/** Walks every shard and every group at once, for so long. */
async function walkFor(ms: number): Promise<void> {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), ms);
  const { cognito } = service;
  const groups = [...simulator.pool().groups()].map((group) => group.groupName);
  const again = async (walk: () => AsyncIterable<unknown>) => {
    while (!stop.signal.aborted) await collect(walk());
  };
  await Promise.allSettled([
    ...listChildren('').map((prefix) =>
      again(() => cognito.userPages(POOL, prefix, START, stop.signal)),
    ),
    ...groups.map((group) => again(() => cognito.memberPages(POOL, group, START, stop.signal))),
    again(() => cognito.groupPages(POOL, START, stop.signal)),
  ]);
  clearTimeout(timer);
}

describe('in any second at most the share and one attempt more are released', () => {
  test('over many walks side by side, and it is used', async () => {
    await open({ rps: 30 }, { share: 0.8, userListRps: 30 });
    await walkFor(4_000);
    expect(peak(...USER_LIST)).toBeLessThanOrEqual(25);
    expect(simulator.attempts.count({ bucket: 'UserList' })).toBeGreaterThan(24 * 4 * 0.85);
    expect(simulator.attempts.count({ operation: 'ListUsersInGroup' })).toBeGreaterThan(0);
    expect(peak('ListGroups')).toBeLessThanOrEqual(5);
    expect(service.meter.counts.throttled).toBe(0);
  });

  test('retries included, where attempts are throttled, fail and are dropped', async () => {
    const faults = { throttle: 0.1, 'internal-error': 0.2, drop: 0.2 };
    await open({ rps: 100, faults }, { share: 0.5, userListRps: 100 });
    await walkFor(3_000);
    expect(peak(...USER_LIST)).toBeLessThanOrEqual(51);
    expect(service.meter.counts.retries).toBeGreaterThan(10);
  });

  test('the whole quota never meets throttling', async () => {
    await open({ rps: 30 }, { share: 1, userListRps: 30 });
    await walkFor(3_000);
    expect(peak(...USER_LIST)).toBeLessThanOrEqual(31);
    expect(service.meter.counts.throttled).toBe(0);
  });
});

describe('where others use the quota too', () => {
  test('it slows down, gets everything in the end, and recovers', async () => {
    // The service gives a tenth of what the mirror was told that it may use.
    await open({ rps: 10, users: 900 }, { share: 1, userListRps: 100 });
    const walks = listChildren('').map((prefix) =>
      itemsOf(service.cognito.userPages(POOL, prefix, START, never())),
    );
    const users = (await Promise.all(walks)).flat();
    expect(new Set(users.map((user) => user.username)).size).toBe(900);
    const { throttled, apiCalls } = service.meter.counts;
    expect(throttled).toBeGreaterThan(0);
    // At full rate nine of ten attempts would be throttled.
    expect(throttled / apiCalls).toBeLessThan(0.75);
  });

  test('a storm of nothing but throttling is survived', async () => {
    await open({ rps: 0, users: 300, faults: { throttle: 1 } }, { userListRps: 200 });
    setTimeout(() => simulator.faults.set({}), 1_500);
    const users = await itemsOf(service.cognito.userPages(POOL, '', START, never()));
    expect(users).toHaveLength(300);
    expect(service.meter.counts.throttled).toBeGreaterThan(3);
  });
});
