import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { Journal, readUnfinished } from '../../src/restore/journal.ts';
import { writeResults } from '../../src/restore/results.ts';
import { Random } from '../../src/simulator/generate/random.ts';
import { readSeed } from '../support/seed.ts';
import { followConnections } from '../support/served.ts';
import { createSource, planTasks, readPool } from './pool-model.ts';
import { startRestore } from './process.ts';
import { expectNothingTwice, openWorld, type World } from './support.ts';

const SEED = readSeed('RESTORE_SEED');
const KILLS = 20;
/** More than 20 runs can do before they die, as each has up to 64 calls on their way. */
const SOURCE = createSource(600, 6);

/** Kills the process at the moment at which the service gets so many requests more. */
async function killAfter(world: World, requests: number): Promise<void> {
  const { attempts } = world.simulator;
  const unfinished = await readUnfinished(world.place);
  const tasks = planTasks(SOURCE, world.simulator.pool(), unfinished);
  const served = followConnections();
  const { child, ended } = await startRestore(world, tasks);
  const moment = attempts.total + requests;
  const arrive = attempts.arrive.bind(attempts);
  attempts.arrive = (arrival) => {
    // It dies before the answer to this request, and to those that are on their way.
    if (attempts.total === moment) child.kill('SIGKILL');
    return arrive(arrival);
  };
  expect(await ended).toEqual({ code: null, stderr: '' });
  attempts.arrive = arrive;
  // The service still does what had reached it.
  await served();
}

test(`killed at ${KILLS} random moments (RESTORE_SEED=${SEED}), a restore ends as if undisturbed`, async () => {
  const world = await openWorld();
  const random = new Random(SEED);
  for (let kill = 0; kill < KILLS; kill += 1) {
    await killAfter(world, Math.floor(random.fraction() * 24));
  }
  const unfinished = await readUnfinished(world.place);
  const { ended } = await startRestore(
    world,
    planTasks(SOURCE, world.simulator.pool(), unfinished),
  );
  expect(await ended).toEqual({ code: 0, stderr: '' });

  expect(readPool(world.simulator.pool())).toEqual(SOURCE);
  for (const user of world.simulator.pool().users()) expect(user.status).toBe('CONFIRMED');
  expectNothingTwice(world.simulator);
  expect((await readUnfinished(world.place)).size).toBe(0);
  expect(planTasks(SOURCE, world.simulator.pool())).toEqual([]);

  const journal = await Journal.open(world.place);
  const { subMap } = await writeResults(journal, {});
  await journal.close();
  const rows = (await readFile(subMap, 'utf8')).trimEnd().split('\r\n').slice(1).sort();
  const users = [...world.simulator.pool().users()].map(
    ({ username, attributes }) =>
      `${username},old-${username.slice(5)},${attributes.get('sub') ?? ''}`,
  );
  expect(rows).toEqual(users.sort());
});
