import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { type Fleet, openFleet, until } from '../support/fleet.ts';
import { expectNoAttemptSpent } from '../support/job-queues.ts';
import { expectSnapshots } from '../support/outcome.ts';

let fleet: Fleet;
afterEach(() => fleet.close());

/** So that a pool's walks take some seconds. */
const PACE = { MIRROR_USER_LIST_RPS: '20' };

it('a Redis that is full for some seconds costs no attempt, and nothing is lost', async () => {
  fleet = await openFleet({ users: 900, groups: 10, seed: 387 });
  const workers = await Promise.all([fleet.worker(PACE), fleet.worker(PACE)]);
  await fleet.trigger();
  await until('walks are read', async () => fleet.simulator.attempts.count() >= 15);
  await fleet.redis.command('CONFIG', 'SET', 'maxmemory', 1);
  // What was released before may still be on its way.
  await sleep(1_000);
  const before = fleet.simulator.attempts.count();
  await sleep(7_000);
  expect(fleet.simulator.attempts.count()).toBe(before);
  await fleet.redis.command('CONFIG', 'SET', 'maxmemory', 0);
  await fleet.settled();
  await expectSnapshots(fleet, 1);
  await expectNoAttemptSpent(fleet);
  for (const { child } of workers) expect(child.exitCode).toBeNull();
}, 120_000);
