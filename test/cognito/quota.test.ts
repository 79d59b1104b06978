import { afterEach, describe, expect, test } from 'vitest';
import { listChildren } from '../../src/cognito/shards.ts';
import type { Operation } from '../../src/quota/quotas.ts';
import {
  type Simulator,
  type SimulatorOptions,
  startSimulator,
} from '../../src/simulator/index.ts';
import { peakOf, USER_LIST } from '../support/buckets.ts';
import {
  itemsOf,
  never,
  openService,
  POOL,
  type ServiceOptions,
  type TestService,
} from './support.ts';

/**
 * Invariant 6: every attempt that the service sees has passed its bucket, and buckets release within
 * the bound.
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

const peak = (...operations: readonly Operation[]) =>
  peakOf(service.releases, simulator, operations);

/** Walks every shard and every group at once until this many attempts of UserList were made. */
async function walkUntil(attempts: number): Promise<void> {
  const stop = new AbortController();
  const { cognito } = service;
  const groups = [...simulator.pool().groups()].map((group) => group.groupName);
  const stopIfEnough = (_page: unknown) => {
    if (simulator.attempts.count({ bucket: 'UserList' }) >= attempts) stop.abort();
  };
  const walkAgain = async (walk: () => AsyncIterable<unknown>) => {
    while (!stop.signal.aborted) for await (const page of walk()) stopIfEnough(page);
  };
  await Promise.allSettled([
    ...listChildren('').map((prefix) =>
      walkAgain(() => cognito.userPages(POOL, prefix, START, stop.signal)),
    ),
    ...groups.map((group) => walkAgain(() => cognito.memberPages(POOL, group, START, stop.signal))),
    walkAgain(() => cognito.groupPages(POOL, START, stop.signal)),
  ]);
}

describe('in any second at most the share and one attempt more are released', () => {
  test('over many parallel walks', async () => {
    await open({ rps: 30 }, { share: 0.8, userListRps: 30 });
    await walkUntil(90);
    expect(peak(...USER_LIST)).toBeLessThanOrEqual(25);
    expect(simulator.attempts.count({ operation: 'ListUsersInGroup' })).toBeGreaterThan(0);
    expect(peak('ListGroups')).toBeLessThanOrEqual(5);
    expect(service.meter.counts.throttled).toBe(0);
  });

  test('with retries of attempts that are throttled, fail and are dropped', async () => {
    const faults = { throttle: 0.1, 'internal-error': 0.2, drop: 0.2 };
    await open({ rps: 100, faults }, { share: 0.5, userListRps: 100 });
    await walkUntil(120);
    expect(peak(...USER_LIST)).toBeLessThanOrEqual(51);
    expect(service.meter.counts.retries).toBeGreaterThan(10);
  });

  test('at a share of 1, without throttling by the service', async () => {
    await open({ rps: 30 }, { share: 1, userListRps: 30 });
    await walkUntil(90);
    expect(peak(...USER_LIST)).toBeLessThanOrEqual(31);
    expect(service.meter.counts.throttled).toBe(0);
  });
});

describe('if other programs use the quota too', () => {
  test('a walk slows down and still reads everything', async () => {
    // The service allows a tenth of what the mirror is configured for. Its clock, and with it the quota,
    // stands still until it has throttled a call, so that a slow machine cannot stay below the quota.
    const begin = performance.now();
    let elapsed = () => 0;
    const now = () => performance.timeOrigin + begin + elapsed();
    await open({ rps: 10, users: 900, now }, { share: 1, userListRps: 100 });
    const walks = listChildren('').map((prefix) =>
      itemsOf(service.cognito.userPages(POOL, prefix, START, never())),
    );
    await expect.poll(() => service.meter.counts.throttled).toBeGreaterThan(0);
    const release = performance.now();
    elapsed = () => performance.now() - release;
    const users = (await Promise.all(walks)).flat();
    expect(new Set(users.map((user) => user.username)).size).toBe(900);
    const { throttled, apiCalls } = service.meter.counts;
    // At the full rate nine of ten attempts would be throttled.
    expect(throttled / apiCalls).toBeLessThan(0.75);
  });

  test('a walk survives a time in which every attempt is throttled', async () => {
    await open({ rps: 0, users: 300, faults: { throttle: 1 } }, { userListRps: 200 });
    const reading = itemsOf(service.cognito.userPages(POOL, '', START, never()));
    await expect.poll(() => service.meter.counts.throttled).toBeGreaterThan(5);
    simulator.faults.set({});
    expect(await reading).toHaveLength(300);
  });
});
