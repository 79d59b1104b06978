import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Triggered } from '../../src/runner/trigger.ts';
import { hint } from '../support/cli.ts';
import { type Fleet, type FleetWorker, openFleet, until } from '../support/fleet.ts';
import { holdCalls } from '../support/holds.ts';

let fleet: Fleet;
let worker: FleetWorker | null = null;

beforeAll(async () => {
  fleet = await openFleet({ users: 30, groups: 2, seed: 342 });
});
afterAll(() => fleet.close());
afterEach(stopWorker);

async function startWorker(): Promise<void> {
  worker = await fleet.worker();
}

async function stopWorker(): Promise<void> {
  worker?.child.kill('SIGTERM');
  await worker?.result;
  worker = null;
}

async function triggerJson(): Promise<Triggered> {
  const { code, stdout } = await fleet.run(['trigger', fleet.poolId, '--json']);
  expect(code).toBe(0);
  return JSON.parse(stdout).request;
}

const archived = async () =>
  (await fleet.rows("SELECT FROM directory.snapshots WHERE state = 'archived'")).length;

describe('trigger', () => {
  it('refuses a pool that the workers do not mirror, and names the fix', async () => {
    await startWorker();
    const { code, stdout, stderr } = await fleet.run(['trigger', 'us-east-1_Elsewhere']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('us-east-1_Elsewhere');
    expect(stderr).toContain('the workers do not mirror this pool.');
    expect(stderr).toContain('COGNITO_POOLS');
    expect(await fleet.rows('SELECT FROM mirror.requests')).toEqual([]);
  });

  it('requests a snapshot once, however often it is called while that is in progress', async () => {
    await startWorker();
    const held = holdCalls(fleet, 'ListUsers', 1);
    const before = await archived();
    const first = await fleet.run(['trigger', fleet.poolId]);
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(first.stdout).toBe(
      `Requested a snapshot of ${fleet.poolId}. To see its progress:\n` +
        `  ${hint(['status', fleet.poolId], fleet.env)}\n`,
    );
    await until('the users are read', async () => held.reached());
    const second = await fleet.run(['trigger', fleet.poolId]);
    expect(second).toMatchObject({ code: 0, stderr: '' });
    expect(second.stdout).toBe(
      `A snapshot of ${fleet.poolId} is in progress already. Nothing was requested.\n`,
    );
    const third = await triggerJson();
    held.release();
    const ended = await fleet.settled();
    expect(ended).toMatchObject({ source: 'trigger', outcome: 'done' });
    expect(third).toEqual({ poolId: fleet.poolId, id: ended.id, accepted: false, workers: 1 });
    expect(await archived()).toBe(before + 1);
  });

  it('reports that no worker is alive, and the next one that starts takes the snapshot', async () => {
    await startWorker();
    await stopWorker();
    const before = await archived();
    const { code, stdout } = await fleet.run(['trigger', fleet.poolId]);
    expect(code).toBe(0);
    expect(stdout).toBe(
      `Requested a snapshot of ${fleet.poolId}. No worker is alive: the next one to start takes it.\n`,
    );
    expect(await triggerJson()).toMatchObject({ accepted: false, workers: 0 });
    await startWorker();
    expect(await fleet.settled()).toMatchObject({ outcome: 'done' });
    expect(await archived()).toBe(before + 1);
    expect(await triggerJson()).toMatchObject({ accepted: true, workers: 1 });
    await fleet.settled();
  });
});
