import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { SnapshotReport } from '../../src/runner/outcome.ts';
import type { Status } from '../../src/runner/status.ts';
import { reportsOf } from '../support/cli-mirror.ts';
import { type Fleet, type FleetWorker, openFleet } from '../support/fleet.ts';

const [DENIED, SMALL, HELD] = ['us-east-1_Denied', 'us-east-1_Small', 'us-east-1_Held'] as const;
const MISSING = 'us-east-1_Missing';

let fleet: Fleet;
let worker: FleetWorker;

beforeAll(async () => {
  fleet = await openFleet({
    pools: [DENIED, { id: SMALL, users: 20 }, { id: HELD, users: 90 }],
    users: 400,
    groups: 5,
    seed: 343,
  });
  worker = await fleet.worker({ COGNITO_POOLS: [DENIED, SMALL, HELD, MISSING].join(',') });
});
afterAll(() => fleet.close());
afterEach(() => fleet.simulator.denied.clear());

interface SnapshotRow {
  readonly snapshot: string;
  readonly state: string;
  readonly reason: string | null;
}

const snapshots = (poolId: string) =>
  fleet.rows<SnapshotRow>(
    'SELECT snapshot, state, reason FROM directory.snapshots WHERE pool_id = $1 ORDER BY 1',
    [poolId],
  );

/** The last attempt of a pool. */
async function attempt(poolId: string) {
  const [row] = await fleet.rows(
    'SELECT outcome, snapshot_at, reason FROM mirror.attempts WHERE pool_id = $1',
    [poolId],
  );
  return row;
}

/** The last line of the worker's log with the outcome of a run of the pool. */
function lastOutcomeOf(poolId: string): Record<string, unknown> | undefined {
  return worker.output.stderr
    .split('\n')
    .flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []))
    .findLast(
      (line) => line.poolId === poolId && /^snapshot (archived|held|failed)$/.test(line.msg),
    );
}

async function status(): Promise<Status> {
  const { code, stdout } = await fleet.run(['status', '--json']);
  expect(code).toBe(0);
  return JSON.parse(stdout);
}

/** How often operations were asked of the service for a pool. */
const callsOf = (poolId: string, operations: readonly string[]) =>
  fleet.simulator.attempts
    .entries()
    .filter((each) => each.poolId === poolId && operations.includes(each.operation)).length;

/** How many users the stage of the pool's open snapshot holds. */
async function stagedUsers(poolId: string): Promise<number> {
  const [run] = await fleet.rows<{ stage: number }>(
    `SELECT stage FROM mirror.runs JOIN directory.snapshots USING (pool_id, snapshot_at)
     WHERE pool_id = $1 AND state = 'walking'`,
    [poolId],
  );
  const staged = `SELECT DISTINCT username FROM mirror.stage_${run?.stage}_users`;
  return (await fleet.rows(staged)).length;
}

describe('walks that fail finally', () => {
  it('fail the request with the reason, keep the other walks, and are retried by the next request', async () => {
    fleet.simulator.denied.set('ListUsersInGroup', 'AccessDeniedException');
    await fleet.trigger(DENIED);
    const failed = await fleet.settled(DENIED);
    expect(failed).toMatchObject({
      outcome: 'failed',
      reason: expect.stringContaining('ListUsersInGroup'),
    });
    const [kept, ...more] = await snapshots(DENIED);
    expect(more).toEqual([]);
    expect(kept).toMatchObject({ state: 'walking', reason: failed.reason });
    expect(await stagedUsers(DENIED)).toBe(400);
    const shown = await status();
    expect(shown.requests.find(({ poolId }) => poolId === DENIED)).toMatchObject({
      outcome: 'failed',
      reason: failed.reason,
      snapshot: kept?.snapshot,
    });
    expect(shown.snapshots.find(({ poolId }) => poolId === DENIED)?.reason).toBe(failed.reason);
    const { stdout } = await fleet.run(['status']);
    expect(stdout.replace(/\s+/g, ' ')).toContain('ListUsersInGroup');

    fleet.simulator.denied.clear();
    const lists = ['ListUsers', 'ListGroups'];
    const before = callsOf(DENIED, lists);
    expect(before).toBeGreaterThan(0);
    await fleet.trigger(DENIED);
    expect(await fleet.settled(DENIED)).toMatchObject({ outcome: 'done', reason: null });
    expect(callsOf(DENIED, lists)).toBe(before);
    expect(await snapshots(DENIED)).toEqual([
      { snapshot: kept?.snapshot, state: 'archived', reason: null },
    ]);
    const { length } = await fleet.rows('SELECT FROM directory.users WHERE pool_id = $1', [DENIED]);
    expect(length).toBe(400);
  });
});

describe('a pool that does not exist', () => {
  it('fails only its own requests, with the reason', async () => {
    await Promise.all([fleet.trigger(MISSING), fleet.trigger(SMALL)]);
    expect(await fleet.settled(MISSING)).toMatchObject({
      outcome: 'failed',
      reason: expect.stringContaining(MISSING),
    });
    expect(await fleet.settled(SMALL)).toMatchObject({ outcome: 'done' });
    expect(await snapshots(MISSING)).toEqual([]);
    expect(await attempt(MISSING)).toEqual({
      outcome: 'failed',
      snapshot_at: null,
      reason: expect.stringContaining(MISSING),
    });
    expect(await attempt(SMALL)).toMatchObject({ outcome: 'archived', reason: null });
    // The log follows what Postgres has.
    await expect
      .poll(() => lastOutcomeOf(MISSING))
      .toMatchObject({
        level: 'error',
        msg: 'snapshot failed',
        snapshot: null,
        reason: expect.stringContaining(MISSING),
      });
    await expect
      .poll(() => lastOutcomeOf(SMALL))
      .toMatchObject({
        level: 'info',
        msg: 'snapshot archived',
        snapshot: (await snapshots(SMALL)).at(-1)?.snapshot,
        state: 'archived',
        users: 20,
        apiCalls: expect.any(Number),
        seconds: expect.any(Number),
        archive: { objects: 6 },
      });
    expect(worker.child.exitCode).toBeNull();
    expect((await fetch(`${worker.url}/readyz`)).status).toBe(200);
  });
});

describe('a snapshot that looks wrong', () => {
  it('is held, which ends the request, and is published by release', async () => {
    await fleet.trigger(HELD);
    expect(await fleet.settled(HELD)).toMatchObject({ outcome: 'done' });
    const pool = fleet.simulator.pool(HELD);
    const leaving = [...pool.users()].slice(0, 60);
    for (const { username } of leaving) pool.deleteUser(username);
    await fleet.trigger(HELD);
    const ended = await fleet.settled(HELD);
    expect(ended).toMatchObject({
      outcome: 'held',
      reason: expect.stringMatching(/^60 of 90 users would be removed/),
    });
    const held = (await snapshots(HELD)).at(-1);
    expect(await attempt(HELD)).toMatchObject({ outcome: 'held', reason: ended.reason });
    expect(held).toMatchObject({ state: 'held', reason: ended.reason });
    // The log names the commands, for a person who reads nothing else.
    const logged = worker.output.stderr.split('\n').find((line) => line.includes('snapshot held'));
    const { toCompare, toPublish, toDiscard } = JSON.parse(logged ?? '{}');
    expect([toCompare, toPublish, toDiscard]).toEqual([
      `cognito-mirror diff ${HELD} latest held`,
      `cognito-mirror release ${HELD}/${held?.snapshot}`,
      `cognito-mirror discard ${HELD}/${held?.snapshot}`,
    ]);
    const { code, stdout } = await fleet.run([...toPublish.split(' ').slice(1), '--json']);
    expect(code).toBe(0);
    const [report] = reportsOf({ stdout }) as [SnapshotReport];
    expect(report).toMatchObject({ state: 'archived', removed: 60, users: 30 });
    await fleet.trigger(HELD);
    expect(await fleet.settled(HELD)).toMatchObject({ outcome: 'done' });
  });
});
