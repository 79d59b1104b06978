import { expect, onTestFinished } from 'vitest';
import type { RestoreTask } from '../../src/model/restore.ts';
import { execute } from '../../src/restore/execute.ts';
import { Journal, type RestorePlace } from '../../src/restore/journal.ts';
import type { JournalEntry } from '../../src/restore/journal-entry.ts';
import type { RestoreProgress } from '../../src/restore/progress.ts';
import type { WriterDeps } from '../../src/restore/write-task.ts';
import {
  type Simulator,
  type SimulatorOptions,
  startSimulator,
} from '../../src/simulator/index.ts';
import { collect, never, openService, POOL, type ServiceOptions } from '../cognito/support.ts';
import { temporaryFolder } from '../support/temp.ts';
import { TARGET } from './pool-model.ts';

export const SNAPSHOT = { poolId: 'us-east-1_Source', snapshot: '20261120T020000Z' };

/** An empty target, and what a restore into it needs. */
export interface World {
  readonly simulator: Simulator;
  readonly place: RestorePlace;
  readonly service: ReturnType<typeof openService>;
  /** Executes tasks as one run, with the journal of the place. */
  readonly run: (
    tasks: readonly RestoreTask[],
    options?: { signal?: AbortSignal; password?: WriterDeps['password']; poolId?: string },
  ) => Promise<RestoreProgress>;
  /** All lines of the journal. */
  readonly entries: () => Promise<JournalEntry[]>;
}

/** Everything is closed at the end of the test. */
export async function openWorld(
  options: SimulatorOptions = {},
  parts: ServiceOptions = {},
): Promise<World> {
  const simulator = await startSimulator({ rps: 0, users: 0, groups: 0, ...options });
  const service = openService(simulator.url, { writes: true, ...parts });
  const folder = await temporaryFolder();
  onTestFinished(async () => {
    await service.close();
    await simulator.close();
    await folder.remove();
  });
  const place = { home: folder.path, target: POOL, source: SNAPSHOT };
  const withJournal = async <T>(work: (journal: Journal) => Promise<T>): Promise<T> => {
    const journal = await Journal.open(place);
    try {
      return await work(journal);
    } finally {
      await journal.close();
    }
  };
  return {
    simulator,
    place,
    service,
    run: (tasks, { signal = never(), password = 'random', poolId = POOL } = {}) =>
      withJournal((journal) => {
        const target = { ...TARGET, poolId };
        const deps = { cognito: service.cognito, target, password, journal };
        return execute(deps, stream(tasks), signal);
      }),
    entries: () => withJournal((journal) => collect(journal.entries())),
  };
}

/** Tasks as they come from a comparison. */
export async function* stream(tasks: readonly RestoreTask[]): AsyncGenerator<RestoreTask> {
  for (const task of tasks) yield task;
}

/** No call that had succeeded was sent again, by what the service saw. */
export function expectNothingTwice(simulator: Simulator): void {
  const done = simulator.attempts
    .entries({ outcome: 'ok' })
    .filter(({ operation }) => !/^(List|Describe|AdminGet)/.test(operation))
    .map(({ operation, subject }) => `${operation} ${subject}`);
  expect(done.filter((call, at) => done.indexOf(call) !== at)).toEqual([]);
}
