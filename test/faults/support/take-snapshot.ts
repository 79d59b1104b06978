import { setTimeout as sleep } from 'node:timers/promises';
import type { Machine } from './machine.ts';
import type { Environment, World } from './world.ts';

/** Who takes snapshots: `sync` with buckets of its own or over Redis, or two workers. */
export type Runner = 'sync' | 'sync over Redis' | 'workers';

/** Apart from those that S3 failed, which its faults number. */
const MOST_RUNS = 12;
/** It ends what hangs. It must hold on a busy machine, so it says nothing of speed. */
const PATIENCE_MS = 600_000;
const WORKERS = 2;

/** What the processes are started with. */
export interface Settings {
  /** Attempts of ListUsers and ListUsersInGroup a second that are allowed. */
  readonly rate: number;
  /** By how many milliseconds the clock of each process is wrong. */
  readonly clocks: readonly number[];
}

/**
 * Has a snapshot taken, published and archived, as a supervisor would: what ends before is started
 * again. Rejects where that does not lead there.
 */
export async function takeSnapshot(
  world: World,
  runner: Runner,
  { rate, clocks }: Settings,
): Promise<void> {
  const env = { MIRROR_USER_LIST_RPS: String(rate) };
  if (runner === 'workers') await byWorkers(world, env, clocks);
  else {
    const own = runner === 'sync' ? { ...env, REDIS_URL: undefined } : env;
    await bySync(world, own, clocks[0] ?? 0);
  }
}

async function bySync(world: World, env: Environment, clock: number): Promise<void> {
  const ends: string[] = [];
  let runs = 0;
  while (runs < MOST_RUNS) {
    const { failedByS3 } = world;
    const { result, output } = await world.start(['sync', '--json'], env, clock);
    const late = sleep(PATIENCE_MS, null, { ref: false });
    const ended = await Promise.race([result, late]);
    if (ended === null) throw new Error(`sync does not end:\n${lastOf(output.stderr)}`);
    const { code, stderr } = ended;
    if (code === 0) return;
    ends.push(`exit ${code}: ${lastOf(stderr)}`);
    if (code === HELD) break;
    if (world.failedByS3 === failedByS3) runs += 1;
    await sleep(100);
  }
  throw new Error(`sync never completed its snapshot:\n${ends.join('\n')}`);
}

const HELD = 3;

/** What a log ends with, traces apart. */
function lastOf(log: string): string {
  const lines = log.split('\n').filter((line) => line.trim() !== '' && !/^\s+at /.test(line));
  return lines.slice(-4).join('\n');
}

async function byWorkers(world: World, env: Environment, clocks: readonly number[]): Promise<void> {
  const workers: Machine[] = [];
  const supervise = async () => {
    for (let i = 0; i < WORKERS; i += 1) {
      if (!workers[i]?.isRunning()) {
        workers[i] = await world.start(['worker'], env, clocks[i % clocks.length]);
      }
    }
  };
  const deadline = performance.now() + PATIENCE_MS;
  let request: { id: number; outcome: string | null; reason: string | null } | undefined;
  while (request?.outcome !== 'done') {
    if (performance.now() > deadline) {
      const logs = workers.map(({ output }) => lastOf(output.stdout + output.stderr));
      const reasons = await world.rows('SELECT DISTINCT state, reason FROM directory.snapshots');
      throw new Error(
        `no request was done: ${JSON.stringify([request, reasons])}\n${logs.join('\n--\n')}`,
      );
    }
    await supervise();
    if (request === undefined || request.outcome !== null) {
      await (await world.start(['trigger', ...world.simulator.pools.keys()])).result;
    }
    await sleep(50);
    [request] = await world
      .rows<NonNullable<typeof request>>(
        `SELECT id, outcome, reason FROM mirror.requests WHERE source = 'trigger' AND id > $1
         ORDER BY outcome IS NOT DISTINCT FROM 'skipped', id DESC LIMIT 1`,
        [world.lastRequest],
      )
      // It may be the server with the fault.
      .catch(() => [request]);
  }
  world.lastRequest = request.id;
  await end(workers);
}

/** Asks the workers to end, and requires that they do. */
async function end(workers: readonly Machine[]): Promise<void> {
  for (const { child } of workers) child.kill('SIGCONT');
  for (const { child } of workers) child.kill('SIGTERM');
  const ended = Promise.all(workers.map(({ result }) => result));
  const late = sleep(120_000, 'late', { ref: false });
  if ((await Promise.race([ended, late])) === 'late') throw new Error('a worker does not end');
}
