import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { EnvChange } from '../support/cli-mirror.ts';
import { type Fleet, type FleetWorker, openFleet, until } from '../support/fleet.ts';
import { holdCalls } from '../support/holds.ts';
import { type FleetQueues, openFleetQueues } from '../support/job-queues.ts';
import { expectPermitted, logPermits } from '../support/permits.ts';

const [A, B] = ['us-east-1_PoolA', 'us-east-1_PoolB'] as const;
const RATE = 15;

let fleet: Fleet;
let queues: FleetQueues;
let worker: FleetWorker;

beforeAll(async () => {
  fleet = await openFleet({ pools: [A, B], users: 900, groups: 2, seed: 346 });
  queues = await openFleetQueues(fleet);
});
afterAll(async () => {
  await queues.close();
  await fleet.close();
});
afterEach(async () => {
  fleet.proxy.before = () => {};
  worker.child.kill('SIGTERM');
  await worker.result;
  await fleet.rows('TRUNCATE mirror.requests');
  await fleet.redis.flush();
});

const startWorker = async (change: EnvChange = {}) => {
  worker = await fleet.worker(change);
};

/** `sync` that shares the quota with the workers. */
const shared = () => ({ REDIS_URL: fleet.redis.url });

interface Snapshot {
  readonly snapshot: string;
  readonly state: string;
}

const snapshots = (poolId: string) =>
  fleet.rows<Snapshot>(
    'SELECT snapshot, state FROM directory.snapshots WHERE pool_id = $1 ORDER BY 1',
    [poolId],
  );

const requests = (poolId: string) =>
  fleet.rows<{ outcome: string | null; reason: string | null; waiting_reason: string | null }>(
    'SELECT outcome, reason, waiting_reason FROM mirror.requests WHERE pool_id = $1 ORDER BY id',
    [poolId],
  );

describe('`sync` beside workers', () => {
  it('is refused without Redis while workers share the quota over it', async () => {
    await startWorker();
    await fleet.trigger(A);
    await fleet.settled(A);
    const { code, stderr, reports } = await fleet.sync([B]);
    expect(code).toBe(1);
    const reason = /^Another run is using the quota of account \d+ in us-east-1\..*REDIS_URL share/;
    expect(reports).toMatchObject([
      { poolId: B, snapshot: null, reason: expect.stringMatching(reason) },
    ]);
    expect(stderr).toContain('Another run is using the quota');
    expect(await snapshots(B)).toEqual([]);
  });

  it('shares the quota over Redis with workers that read another pool of the account', async () => {
    const change = {
      ...shared(),
      MIRROR_USER_LIST_RPS: String(RATE),
      // Straight to the simulator: the proxy would add its own delays to when attempts arrive.
      AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER: fleet.simulator.url,
    };
    await startWorker(change);
    const permits = await logPermits(fleet.redis);
    fleet.simulator.attempts.clear();
    await fleet.trigger(A);
    await until(
      'the worker reads users',
      async () => fleet.simulator.attempts.count({ operation: 'ListUsers' }) > 0,
    );
    const { code } = await fleet.sync([B], change);
    expect(code).toBe(0);
    expect(await fleet.settled(A)).toMatchObject({ outcome: 'done' });
    const attempts = fleet.simulator.attempts.entries({ bucket: 'UserList' });
    expect(new Set(attempts.map(({ poolId }) => poolId))).toEqual(new Set([A, B]));
    const dueTimes = await permits.dueTimes('UserList');
    await permits.close();
    expectPermitted(
      attempts.map(({ at }) => at),
      dueTimes,
      RATE + 1,
    );
  });

  it('refuses a pool of which workers take a snapshot', async () => {
    await startWorker();
    const held = holdCalls(fleet, 'ListUsers', 2);
    await fleet.trigger(A);
    await until('the users are read', async () => held.reached());
    const before = [await snapshots(A), await requests(A)];
    const { code, reports } = await fleet.sync([A], shared());
    expect(code).toBe(1);
    expect(reports[0]?.reason).toBe(
      `The workers are taking a snapshot of ${A}; \`cognito-mirror status ${A}\` shows its progress. Run this again when it has ended.`,
    );
    const comparison = await fleet.run(['diff', A, 'now'], shared());
    expect(comparison).toMatchObject({ code: 1, stdout: '' });
    expect(comparison.stderr).toContain(`The workers are taking a snapshot of ${A}; `);
    expect([await snapshots(A), await requests(A)]).toEqual(before);
    held.release();
    expect(await fleet.settled(A)).toMatchObject({ outcome: 'done' });
  });

  it.each<[string, string[], number]>([
    ['sync', ['sync', A], 1],
    ['a comparison', ['diff', A, 'now'], 0],
  ])('makes the workers wait for %s, which status shows', async (_, args, taken) => {
    await startWorker();
    const held = holdCalls(fleet, 'ListUsers', 2);
    const before = (await snapshots(A)).length;
    const inline = await fleet.start(args, shared());
    await until('the users are read', async () => held.reached());
    await fleet.trigger(A);
    await until('the request waits', async () => (await requests(A))[0]?.waiting_reason);
    const { stdout } = await fleet.run(['status', A]);
    expect(stdout).toContain('A `sync` or a `diff … now` of this pool is running.');
    expect(await snapshots(A)).toHaveLength(before + 1);
    held.release();
    expect((await inline.result).code).toBe(0);
    // Sooner than after the quarter of a minute that it waits.
    for (const job of await queues.snapshots.getDelayed()) await job.promote();
    expect(await fleet.settled(A)).toMatchObject({ outcome: 'done' });
    const after = await snapshots(A);
    expect(after).toHaveLength(before + 1 + taken);
    expect(after.every(({ state }) => state === 'archived')).toBe(true);
  });

  it('continues the snapshot of dead workers and ends their request', async () => {
    await startWorker();
    const held = holdCalls(fleet, 'ListUsers', 3);
    await fleet.trigger(A);
    await until('the users are read', async () => held.reached());
    worker.child.kill('SIGKILL');
    await worker.result;
    held.release();
    const before = await snapshots(A);
    expect(before.at(-1)?.state).toBe('walking');
    // Half a minute later.
    await fleet.rows("UPDATE mirror.workers SET seen_at = seen_at - interval '31 seconds'");
    const { code, reports } = await fleet.sync([A]);
    expect(code).toBe(0);
    expect(reports).toMatchObject([{ snapshot: before.at(-1)?.snapshot, state: 'archived' }]);
    expect(await requests(A)).toEqual([
      {
        outcome: 'skipped',
        reason: 'No worker was alive; `sync` continued its snapshot.',
        waiting_reason: null,
      },
    ]);
    await startWorker();
    await until('its job has ended', async () => (await queues.snapshots.getCompletedCount()) > 0);
    expect(await snapshots(A)).toHaveLength(before.length);
  });
});
