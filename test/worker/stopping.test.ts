import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { CliProcess } from '../support/cli.ts';
import type { EnvChange } from '../support/cli-mirror.ts';
import { type Fleet, type FleetWorker, openFleet } from '../support/fleet.ts';
import { holdCalls, keepLock, waitingFor } from '../support/holds.ts';
import { type FleetQueues, openFleetQueues } from '../support/job-queues.ts';
import { expectSnapshots } from '../support/outcome.ts';
import { type Relay, startRelay } from '../support/relay.ts';
import { startStopwatch } from '../support/stopwatch.ts';

/** The promise. */
const STOPS_WITHIN_MS = 5_000;

let fleet: Fleet;
let queues: FleetQueues;
/** Snapshots asked for so far: the tests share a mirror. */
let requests = 0;

beforeAll(async () => {
  fleet = await openFleet({ users: 600, groups: 6, seed: 331 });
  queues = await openFleetQueues(fleet);
});
afterAll(async () => {
  await queues.close();
  await fleet.close();
});
afterEach(() => {
  fleet.proxy.before = () => {};
});

/** One that waits for its turns, as in life. */
const startWorker = (change: EnvChange = {}) =>
  fleet.worker({ MIRROR_USER_LIST_RPS: '80', ...change });

async function trigger(): Promise<void> {
  await fleet.trigger();
  requests += 1;
}

/** Expects a worker to end soon after a signal, with the exit code of one that is done. */
async function expectStopped(
  { child, result }: CliProcess,
  signal: NodeJS.Signals = 'SIGTERM',
): Promise<void> {
  const sinceSignal = startStopwatch(child.pid);
  child.kill(signal);
  const { code } = await result;
  expect(sinceSignal.elapsed()).toBeLessThan(STOPS_WITHIN_MS);
  expect(code).toBe(0);
}

/** Expects no process to be connected any more. */
async function expectNoConnections(): Promise<void> {
  const clients = String(await queues.redis.call('CLIENT', 'LIST'));
  expect(clients.split('\n').filter((client) => client.includes('name=cognito-mirror'))).toEqual(
    [],
  );
  const sessions = () =>
    fleet.rows(
      `SELECT application_name FROM pg_stat_activity
       WHERE datname = current_database() AND application_name LIKE 'cognito-mirror%'`,
    );
  // Postgres's own processes see that their clients are gone a moment later.
  await expect.poll(sessions).toEqual([]);
  expect(await fleet.rows('SELECT FROM mirror.workers')).toEqual([]);
}

/** Expects the jobs to wait in their queues as if no worker had run them. */
async function expectGivenBack(): Promise<void> {
  for (const queue of [queues.snapshots, queues.walks]) {
    expect(await queue.getActiveCount()).toBe(0);
    expect(await queue.getFailedCount()).toBe(0);
    const jobs = await queue.getJobs(['wait', 'prioritized', 'delayed', 'waiting-children']);
    for (const job of jobs) expect(job.attemptsMade).toBe(0);
  }
}

/** Starts another worker, and expects it to go on to the end. */
async function expectGoneOn(): Promise<void> {
  const worker = await startWorker();
  await fleet.settled();
  await expectSnapshots(fleet, requests);
  await expectStopped(worker);
}

/** Starts a worker that reaches its database through a relay. */
async function startBehindRelay(): Promise<{ worker: FleetWorker; relay: Relay }> {
  const relay = await startRelay(fleet.databaseUrl);
  onTestFinished(() => relay.close());
  return { worker: await startWorker({ DATABASE_URL: relay.url }), relay };
}

const isLost = (worker: FleetWorker) => () =>
  worker.output.stderr.includes('lost the connection to a server');

describe('a worker that is stopped', () => {
  it('by SIGTERM ends while a client keeps an HTTP connection', async () => {
    const worker = await startWorker();
    await (await fetch(`${worker.url}/metrics`)).text();
    await (await fetch(`${worker.url}/readyz`)).text();
    await expectStopped(worker);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'by %s ends at once, while it is idle',
    async (signal) => {
      const worker = await startWorker();
      await expectStopped(worker, signal);
      await expectNoConnections();
      const lines = worker.output.stderr
        .split('\n')
        .filter((line) => line.includes('worker stopped'));
      expect(lines).toHaveLength(1);
    },
  );

  it.each(['mirror.installation', 'mirror.schedules'])(
    'while it starts, at %s, ends like an idle one',
    async (table) => {
      const release = await keepLock(fleet, `LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
      const starting = await fleet.start(['worker'], { REDIS_URL: fleet.redis.url, PORT: '0' });
      await expect.poll(() => waitingFor(fleet, table)).toBe(1);
      await expectStopped(starting);
      await release();
      await expectNoConnections();
    },
  );

  it('while it reads returns its walks, and another worker continues', async () => {
    const held = holdCalls(fleet, 'ListUsersInGroup', 3);
    const worker = await startWorker();
    await trigger();
    await expect.poll(held.reached).toBe(true);
    await expectStopped(worker);
    await expectNoConnections();
    await expectGivenBack();
    const open = await queues.walks.getJobs(['wait', 'prioritized']);
    expect(open.length).toBeGreaterThan(0);
    held.release();
    const before = fleet.simulator.attempts.count({ operation: 'ListGroups' });
    await expectGoneOn();
    expect(fleet.simulator.attempts.count({ operation: 'ListGroups' })).toBe(before);
  });

  it('while it publishes returns its job, and another worker publishes', async () => {
    const release = await keepLock(fleet, 'LOCK TABLE directory.users IN SHARE MODE');
    const worker = await startWorker();
    await trigger();
    await expect.poll(() => waitingFor(fleet, 'directory.users')).toBe(1);
    await expectStopped(worker);
    expect(await waitingFor(fleet, 'directory.users')).toBe(0);
    await expectNoConnections();
    await expectGivenBack();
    expect(await queues.snapshots.getWaitingCount()).toBe(1);
    await release();
    await expectGoneOn();
  });

  it('while it archives returns its job, and another worker archives', async () => {
    const release = await keepLock(
      fleet,
      'LOCK TABLE mirror.history_floors IN ACCESS EXCLUSIVE MODE',
    );
    const worker = await startWorker();
    await trigger();
    await expect.poll(() => waitingFor(fleet, 'mirror.history_floors')).toBe(1);
    await expectStopped(worker);
    await expectGivenBack();
    expect(await queues.snapshots.getWaitingCount()).toBe(1);
    await release();
    await expectNoConnections();
    await expectGoneOn();
  });

  it('while Redis is away ends soon', async () => {
    const held = holdCalls(fleet, 'ListUsersInGroup', 3);
    const worker = await startWorker();
    await trigger();
    await expect.poll(held.reached).toBe(true);
    await fleet.redis.stop();
    await expect.poll(isLost(worker)).toBe(true);
    await expectStopped(worker);
    await fleet.redis.restart({ keepData: false });
    held.release();
    await expectGoneOn();
  });

  it('while Postgres is away ends soon', async () => {
    const held = holdCalls(fleet, 'ListUsersInGroup', 3);
    const { worker, relay } = await startBehindRelay();
    await trigger();
    await expect.poll(held.reached).toBe(true);
    await relay.cut();
    await expect.poll(isLost(worker)).toBe(true);
    await expectStopped(worker);
    await expectGivenBack();
    held.release();
    await expectGoneOn();
  });

  it('while Postgres does not answer ends soon, and at once on a second signal', async () => {
    const held = holdCalls(fleet, 'ListUsersInGroup', 3);
    const { worker, relay } = await startBehindRelay();
    const again = await startBehindRelay();
    await trigger();
    await expect.poll(held.reached).toBe(true);
    relay.freeze();
    again.relay.freeze();
    const stopped = expectStopped(worker);
    again.worker.child.kill('SIGTERM');
    // Sooner, it would pass for the same Ctrl-C, which `npm` passes on as well.
    await sleep(700);
    const sinceSecond = startStopwatch(again.worker.pid);
    again.worker.child.kill('SIGTERM');
    const { code, stderr } = await again.worker.result;
    expect(sinceSecond.elapsed()).toBeLessThan(1_000);
    expect(code).toBe(130);
    expect(stderr).not.toContain('without waiting');
    await stopped;
    held.release();
    await relay.close();
    await again.relay.close();
    await expectGoneOn();
  });
});
