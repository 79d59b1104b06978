import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Status } from '../../src/runner/status.ts';
import type { EnvChange } from '../support/cli-mirror.ts';
import { type Fleet, type FleetWorker, openFleet, until } from '../support/fleet.ts';
import { holdCalls } from '../support/holds.ts';
import { type FleetQueues, openFleetQueues } from '../support/job-queues.ts';

const [A, B, C] = ['us-east-1_PoolA', 'us-east-1_PoolB', 'us-east-1_PoolC'] as const;

let fleet: Fleet;
let queues: FleetQueues;
let workers: FleetWorker[] = [];

beforeAll(async () => {
  fleet = await openFleet({ pools: [A, B, C], users: 30, groups: 2, seed: 341 });
  queues = await openFleetQueues(fleet);
});
afterAll(async () => {
  await queues.close();
  await fleet.close();
});
afterEach(async () => {
  await stopWorkers();
  await fleet.redis.flush();
  await fleet.rows('TRUNCATE mirror.requests, mirror.schedules');
});

async function startWorker(change: EnvChange = {}): Promise<FleetWorker> {
  const worker = await fleet.worker(change);
  workers.push(worker);
  return worker;
}

async function stopWorkers(): Promise<void> {
  for (const { child } of workers) child.kill('SIGTERM');
  await Promise.all(workers.map(({ result }) => result));
  workers = [];
}

interface Row {
  readonly pool_id: string;
  readonly pattern: string;
  readonly timezone: string;
  readonly due_at: Date;
  readonly starts_at: Date;
}

const schedules = () =>
  fleet.rows<Row>(
    'SELECT pool_id, pattern, timezone, due_at, starts_at FROM mirror.schedules ORDER BY pool_id',
  );

/** The job schedulers in Redis, in the words of the table in Postgres. */
async function schedulers(): Promise<unknown[]> {
  const found = await queues.schedules.getJobSchedulers();
  return found
    .map(({ key, pattern, tz, next }) => ({
      pool_id: key,
      pattern,
      timezone: tz,
      due_at: new Date(next ?? 0),
    }))
    .sort((a, b) => (a.pool_id < b.pool_id ? -1 : 1));
}

/** Expects the schedules to be these, in Postgres and in Redis alike, with the same next times. */
async function expectSchedules(
  expected: readonly Pick<Row, 'pool_id' | 'pattern' | 'timezone'>[],
): Promise<Row[]> {
  const rows = await schedules();
  expect(rows.map(({ pool_id, pattern, timezone }) => ({ pool_id, pattern, timezone }))).toEqual(
    expected,
  );
  expect(await schedulers()).toEqual(rows.map(({ starts_at: _, ...row }) => row));
  return rows;
}

const nightly = (pool_id: string, timezone = 'UTC') => ({
  pool_id,
  pattern: '0 2 * * *',
  timezone,
});

/** Puts a pool's next run into the past, as if no worker had been there at its time. */
async function missRuns(poolId: string, ago: string): Promise<void> {
  await fleet.rows(
    `UPDATE mirror.schedules SET due_at = clock_timestamp() - $2::interval,
       starts_at = clock_timestamp() - $2::interval + interval '1 minute' WHERE pool_id = $1`,
    [poolId, ago],
  );
}

const requests = (poolId: string) =>
  fleet.rows<{ source: string; outcome: string | null; requested_at: Date }>(
    'SELECT source, outcome, requested_at FROM mirror.requests WHERE pool_id = $1 ORDER BY id',
    [poolId],
  );

const snapshots = async (poolId: string) =>
  (await fleet.rows('SELECT FROM directory.snapshots WHERE pool_id = $1', [poolId])).length;

describe('schedules', () => {
  it('follow the configuration at each start', async () => {
    const config = join(fleet.folder, 'mirror.yaml');
    await writeFile(config, `pools: { ${B}: { schedule: '30 4 * * 1', timezone: Asia/Tokyo } }`);
    const first = { COGNITO_POOLS: `${A},${B}`, MIRROR_CONFIG: config };
    await startWorker(first);
    const tokyo = { pool_id: B, pattern: '30 4 * * 1', timezone: 'Asia/Tokyo' };
    const before = await expectSchedules([nightly(A), tokyo]);
    await stopWorkers();

    await writeFile(config, `pools: { ${B}: { schedule: '30 4 * * 1', timezone: Asia/Seoul } }`);
    await startWorker({ ...first, COGNITO_POOLS: `${A},${B},${C}` });
    const seoul = { ...tokyo, timezone: 'Asia/Seoul' };
    const after = await expectSchedules([nightly(A), seoul, nightly(C)]);
    expect(after[0]).toEqual(before[0]);
    await stopWorkers();

    await startWorker({ COGNITO_POOLS: B, MIRROR_SCHEDULE: '0 5 * * *' });
    await expectSchedules([{ pool_id: B, pattern: '0 5 * * *', timezone: 'UTC' }]);
  });

  it('are the same in workers that start at the same time, and are restored if Redis lost them', async () => {
    await Promise.all([1, 2, 3].map(() => startWorker({ MIRROR_TIMEZONE: 'Europe/Berlin' })));
    const all = [A, B, C].map((poolId) => nightly(poolId, 'Europe/Berlin'));
    const before = await expectSchedules(all);
    await queues.schedules.removeJobScheduler(B);
    await until('the one is there again', async () => (await schedulers()).length === 3);
    await fleet.redis.flush();
    await until('all are there again', async () => (await schedulers()).length === 3);
    expect(await expectSchedules(all)).toEqual(before);
  });
});

describe('a run that is due', () => {
  it('is started once by three workers, each time', async () => {
    const everyThreeSeconds = { COGNITO_POOLS: A, MIRROR_SCHEDULE: '*/3 * * * * *' };
    const before = await snapshots(A);
    await Promise.all([1, 2, 3].map(() => startWorker(everyThreeSeconds)));
    await until('three runs were taken', async () => (await requests(A)).length >= 3);
    await stopWorkers();
    await startWorker({ COGNITO_POOLS: A });
    await fleet.settled(A);
    const taken = await requests(A);
    // Each run starts a moment after a multiple of three seconds, once for each.
    const slots = taken.map(({ requested_at }) => Math.floor(requested_at.getTime() / 3000));
    expect(new Set(slots).size).toBe(slots.length);
    expect(taken.every(({ source }) => source === 'schedule')).toBe(true);
    const done = taken.filter(({ outcome }) => outcome === 'done');
    expect(done.length).toBeGreaterThan(0);
    expect(await snapshots(A)).toBe(before + done.length);
  });

  it('is recorded as skipped while the pool has a snapshot in progress', async () => {
    await startWorker({ COGNITO_POOLS: A });
    const held = holdCalls(fleet, 'ListUsers', 1);
    await fleet.trigger(A);
    await until('the users are read', async () => held.reached());
    await missRuns(A, '2 minutes');
    await until('the run is skipped', async () => (await requests(A)).length === 2);
    const { stdout } = await fleet.run(['status', '--json']);
    const status = JSON.parse(stdout) as Status;
    held.release();
    expect(status.requests.filter(({ poolId }) => poolId === A)).toMatchObject([
      { source: 'trigger', outcome: null },
      {
        source: 'schedule',
        outcome: 'skipped',
        reason: expect.stringMatching(/^The snapshot requested at .* was still in progress\.$/),
      },
    ]);
    expect(await fleet.settled(A)).toMatchObject({ source: 'trigger', outcome: 'done' });
    const open = status.snapshots.filter(({ state }) => state === 'walking');
    expect(open).toHaveLength(1);
  });
});

describe('runs that were missed', () => {
  it.each(['kept its data', 'is empty'])(
    'happen once at the next start of several workers, if Redis %s',
    async (redis) => {
      await startWorker({ COGNITO_POOLS: A });
      await stopWorkers();
      await missRuns(A, '3 days');
      if (redis === 'is empty') await fleet.redis.flush();
      // The jobs of their schedulers have come due as well.
      for (const job of await queues.schedules.getDelayed()) await job.promote();
      const before = await snapshots(A);
      await Promise.all([1, 2, 3].map(() => startWorker({ COGNITO_POOLS: A })));
      await until('the run is taken', async () => (await requests(A)).length > 0);
      expect(await fleet.settled(A)).toMatchObject({ source: 'schedule', outcome: 'done' });
      await stopWorkers();
      expect(await requests(A)).toHaveLength(1);
      expect(await snapshots(A)).toBe(before + 1);
      const [next] = await schedules();
      expect(next?.due_at.getTime()).toBeGreaterThan(Date.now());
    },
  );
});
