import { expect } from 'vitest';
import { Random } from '../../../src/simulator/generate/random.ts';
import { startSimulator } from '../../../src/simulator/server.ts';
import type { Backends } from './backends.ts';
import { changePool } from './change-pool.ts';
import { expectPaced, expectSame, expectSound, stateOf, watchReaders } from './expectations.ts';
import { FAULTS, type Fault, type FaultName } from './faults.ts';
import { PASS } from './interceptor.ts';
import { begins, MOMENTS, type MomentName } from './moments.ts';
import { type Runner, takeSnapshot } from './take-snapshot.ts';
import { openWorld, type World } from './world.ts';

/** A fault, and the step at whose nth beginning it happens. */
export interface Injection {
  readonly fault: FaultName;
  readonly at: MomentName;
  readonly nth: number;
}

/** A case as it is drawn from its seed. */
export interface Case {
  readonly seed: number;
  readonly runner: Runner;
  readonly onS3: boolean;
  readonly users: number;
  /** Attempts of ListUsers and ListUsersInGroup a second that are allowed. */
  readonly rate: number;
  /** By how many milliseconds the clocks of processes are wrong. */
  readonly clocks: readonly number[];
  /** True if walks are expected to take long, so that their stage survives a crash of Postgres. */
  readonly longWalks: boolean;
  /** What is injected in each round; the pool changes from one to the next. */
  readonly rounds: readonly (readonly Injection[])[];
}

const INJECTIONS = 3;
const HOUR_MS = 3_600_000;
/** A small snapshot takes some seconds by it. */
const PACED = 10;
export const UNPACED = 100_000;

/** Draws a case: two rounds with faults, and a quiet one if a fault changed the pool. */
export function drawCase(seed: number): Case {
  const random = new Random(seed);
  const runner = random.chance(0.3) ? 'workers' : random.chance(0.5) ? 'sync' : 'sync over Redis';
  const onS3 = random.chance(0.5);
  const round = () =>
    Array.from({ length: 1 + random.below(INJECTIONS) }, () => drawInjection(random, runner, onS3));
  const rounds = [round(), round()];
  const moves = rounds.flat().some(({ fault }) => (FAULTS[fault] as Fault).moves);
  return {
    seed,
    runner,
    onS3,
    users: 60 + random.below(240),
    rate: random.chance(0.2) ? PACED : UNPACED,
    clocks: random.chance(0.2) ? [HOUR_MS, -HOUR_MS] : [0],
    rounds: moves ? [...rounds, []] : rounds,
    longWalks: random.chance(0.5),
  };
}

function drawInjection(random: Random, runner: Runner, onS3: boolean): Injection {
  const possible = (at: MomentName) => {
    const { server } = MOMENTS[at];
    return server === 's3' ? onS3 : server === 'redis' ? runner !== 'sync' : true;
  };
  const faults = Object.entries(FAULTS as Record<string, Fault>).filter(
    ([, { at, needs }]) => at.some(possible) && (!needs || runner === needs),
  );
  const [name, { at }] = random.pick(faults);
  const moment = random.pick(at.filter(possible));
  return {
    fault: name as FaultName,
    at: moment,
    nth: 1 + random.below(MOMENTS[moment].often),
  };
}

/** How a case went: the faults that were injected. (One whose moment never came did not.) */
export interface CaseReport {
  readonly case: Case;
  readonly injected: readonly FaultName[];
}

/** Plays a case, and expects every promise to have been kept. */
export async function playCase(backends: Backends, drawn: Case): Promise<CaseReport> {
  const { seed, runner, users, onS3, rate, clocks, longWalks } = drawn;
  const random = new Random(seed ^ 0x5eed);
  const simulator = await startSimulator({ rps: 0, users, groups: 5, seed, slowMs: 300 });
  const world = await openWorld(backends, simulator, onS3, longWalks);
  const undisturbed = await openWorld(backends, simulator, false);
  const injected: FaultName[] = [];
  let moved = false;
  try {
    for (const [index, injections] of drawn.rounds.entries()) {
      if (index > 0) changePool(simulator.pool(), random, 10);
      const before = await stateOf(world);
      const readers = watchReaders(world);
      arm(world, injections, random, injected);
      simulator.attempts.clear();
      await takeSnapshot(world, runner, { rate, clocks });
      expectPaced(simulator, rate);
      heal(world);
      const seen = await readers.stop();
      await takeSnapshot(undisturbed, 'sync', { rate: UNPACED, clocks: [0] });
      for (const each of [world, undisturbed]) await endRound(each);
      if (injections.some(({ fault }) => (FAULTS[fault] as Fault).moves)) {
        moved = true;
        await expectSound(world);
      } else {
        await expectSame(world, undisturbed, { history: !moved });
        const either = new Set([before, await stateOf(world)]);
        for (const state of seen) expect(either).toContain(state);
      }
    }
    return { case: drawn, injected };
  } finally {
    await world.close();
    await undisturbed.close();
    await simulator.close();
  }
}

/** Counts how often each moment comes in a first snapshot and a second one of the changed pool. */
export async function countMoments(backends: Backends): Promise<Map<MomentName, number>> {
  const counts = new Map<MomentName, number>();
  const simulator = await startSimulator({ rps: 0, users: 600, groups: 5 });
  const world = await openWorld(backends, simulator, true);
  world.handle = (passing) => {
    for (const name of Object.keys(MOMENTS) as MomentName[]) {
      if (begins(MOMENTS[name], passing)) counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    return PASS;
  };
  try {
    for (const seed of [1, 2]) {
      await takeSnapshot(world, 'sync over Redis', { rate: PACED, clocks: [0] });
      changePool(simulator.pool(), new Random(seed), 20);
    }
    return counts;
  } finally {
    await world.close();
    await simulator.close();
  }
}

/** Injects each fault once, when its moment comes. */
function arm(
  world: World,
  injections: readonly Injection[],
  random: Random,
  injected: FaultName[],
): void {
  const waiting = new Set(injections.map((each) => ({ ...each, left: each.nth })));
  world.handle = async (passing) => {
    for (const each of waiting) {
      if (!begins(MOMENTS[each.at], passing)) continue;
      each.left -= 1;
      if (each.left > 0) continue;
      waiting.delete(each);
      injected.push(each.fault);
      return (FAULTS[each.fault] as Fault).inject(world, passing, random);
    }
    return PASS;
  };
}

async function endRound({ rows, roundEnds }: World): Promise<void> {
  const [newest] = await rows<{ at: Date }>(
    'SELECT max(snapshot_at) AS at FROM directory.snapshots',
  );
  roundEnds.push(newest?.at as Date);
}

/** Ends what goes on being wrong, and injects no further fault. */
function heal(world: World): void {
  world.handle = () => PASS;
  world.s3.fault = () => null;
  world.simulator.faults.set({});
  world.simulator.denied.clear();
}
