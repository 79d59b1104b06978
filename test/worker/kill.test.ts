import { afterEach, describe, expect, it } from 'vitest';
import { Random } from '../../src/simulator/generate/random.ts';
import { type Fleet, type FleetWorker, openFleet, until } from '../support/fleet.ts';
import { holdCalls, keepLock, waitingFor } from '../support/holds.ts';
import { openFleetQueues } from '../support/job-queues.ts';
import { expectSnapshots } from '../support/outcome.ts';
import { readSeed } from '../support/seed.ts';

let fleet: Fleet;
afterEach(() => fleet.close());

/** So that a pool's walks take some seconds. */
const PACE = { MIRROR_USER_LIST_RPS: '20' };
/** How many attempts an undisturbed run of the pool below takes, by and large. */
const ATTEMPTS = 90;

const attempts = () => fleet.simulator.attempts.count();

async function killAll(workers: readonly FleetWorker[]): Promise<void> {
  for (const { child } of workers) child.kill('SIGKILL');
  await Promise.all(workers.map(({ result }) => result));
}

describe('killed workers', () => {
  it('at ten random moments leave one snapshot, complete and correct', async () => {
    const seed = readSeed('KILL_SEED');
    const random = new Random(seed);
    fleet = await openFleet({ users: 1_800, groups: 20, seed: 341 });
    const workers: FleetWorker[] = await Promise.all([1, 2, 3].map(() => fleet.worker(PACE)));
    await fleet.trigger();
    const moments = Array.from({ length: 10 }, () => random.below(ATTEMPTS));
    for (const moment of moments.sort((a, b) => a - b)) {
      await until(`${moment} attempts were made`, async () => attempts() >= moment);
      await killAll(workers.splice(random.below(workers.length), 1));
      workers.push(await fleet.worker(PACE));
    }
    await fleet.settled();
    await expectSnapshots(fleet, 1);
  });

  it('all at once while reading, publishing and archiving, leave one snapshot to the next worker', async () => {
    fleet = await openFleet({ users: 900, groups: 6, seed: 342 });
    const mayPublish = await keepLock(fleet, 'LOCK TABLE directory.users IN SHARE MODE');
    // Archiving each dataset reads this table, which says how far back the history goes.
    const mayArchive = await keepLock(
      fleet,
      'LOCK TABLE mirror.history_floors IN ACCESS EXCLUSIVE MODE',
    );
    const readers = await Promise.all([fleet.worker(PACE), fleet.worker(PACE)]);
    await fleet.trigger();
    await until('some pages were read', async () => attempts() > 15);
    await killAll(readers);

    const publisher = await fleet.worker();
    await until('it publishes', async () => (await waitingFor(fleet, 'directory.users')) > 0);
    await killAll([publisher]);
    await mayPublish();

    const archiver = await fleet.worker();
    await until('it archives', async () => (await waitingFor(fleet, 'mirror.history_floors')) > 0);
    await killAll([archiver]);
    await mayArchive();
    await fleet.worker();
    await fleet.settled();
    await expectSnapshots(fleet, 1);
  });

  it('twenty times fail no job', async () => {
    fleet = await openFleet({ users: 300, groups: 4, seed: 343 });
    const queues = await openFleetQueues(fleet);
    try {
      const held = holdCalls(fleet, 'ListUsersInGroup', 1);
      const worker = await fleet.worker();
      await fleet.trigger();
      await until('walks are being read', async () => held.reached());
      await killAll([worker]);
      const inHand = await queues.walks.getActive();
      expect(inHand.length).toBeGreaterThan(0);
      // Where BullMQ counts how often a job was left by its worker.
      for (const { id } of inHand) {
        await queues.redis.hset(`${queues.prefix}:walks:${id}`, 'stc', 19);
      }
      held.release();
      await fleet.worker();
      await fleet.settled();
      for (const { id } of inHand) {
        expect(await queues.redis.hget(`${queues.prefix}:walks:${id}`, 'stc')).toBe('20');
      }
      await expectSnapshots(fleet, 1);
    } finally {
      await queues.close();
    }
  });
});
