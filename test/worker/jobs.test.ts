import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RedisOutage } from '../../src/redis/watch.ts';
import { listJobs } from '../../src/runner/worker/list-jobs.ts';
import { type Fleet, openFleet, until } from '../support/fleet.ts';
import { type HeldCalls, holdCalls } from '../support/holds.ts';
import { type FleetQueues, openFleetQueues } from '../support/job-queues.ts';
import { everyKeyOf } from '../support/redis-keys.ts';

let fleet: Fleet;
let queues: FleetQueues;

beforeAll(async () => {
  fleet = await openFleet({ users: 400, groups: 6, seed: 344 });
  queues = await openFleetQueues(fleet);
});
afterAll(async () => {
  await queues.close();
  await fleet.close();
});

const everythingInRedis = async () => (await everyKeyOf(queues.redis)).join('\n');

/** What must never be in Redis: who the pool's users are, its groups, and tokens. */
function secrets(tokens: ReadonlySet<string>): string[] {
  const ofUsers = [...fleet.pool.users()].flatMap(({ username, attributes }) => [
    username,
    ...['sub', 'email', 'phone_number', 'name'].map((name) => attributes.get(name) ?? ''),
  ]);
  const groups = [...fleet.pool.groups()].map(({ groupName }) => groupName);
  return [...ofUsers, ...groups, ...tokens].filter((secret) => secret !== '');
}

describe('jobs', () => {
  it('show their progress, hold only ids, and are kept for a bounded time', async () => {
    const tokens = new Set<string>();
    fleet.proxy.after = (_, answer) => {
      const token = answer['PaginationToken'] ?? answer['NextToken'];
      if (typeof token === 'string') tokens.add(token);
      return answer;
    };
    await fleet.worker();
    const held: HeldCalls = holdCalls(fleet, 'ListUsers', 4);
    await fleet.trigger();

    const walk = await until('a walk over users shows its pages', async () => {
      const active = await queues.walks.getActive();
      return active.find(
        ({ name, progress }) => name === 'users' && (progress as { pages?: number }).pages,
      );
    });
    expect(walk.progress).toEqual({
      pages: expect.any(Number),
      items: expect.any(Number),
      expected: expect.any(Number),
    });
    const snapshot = await until('the snapshot shows its walks', async () => {
      const [waiting] = await queues.snapshots.getWaitingChildren();
      return Object.keys(waiting?.progress ?? {}).length > 0 ? waiting : undefined;
    });
    expect(snapshot.progress).toMatchObject({
      phase: 'walk',
      walks: expect.arrayContaining([
        expect.objectContaining({ kind: 'users', items: expect.any(Number) }),
        expect.objectContaining({ kind: 'members', walks: 6 }),
      ]),
    });
    // What the dashboard lists.
    const listed = (await listJobs(queues, { outage: null }))?.flatMap(({ jobs }) => jobs);
    const poolId = fleet.pool.settings.id;
    const job = { poolId, requestId: 1, attemptsLeft: 5, reason: null };
    expect(listed).toContainEqual(
      expect.objectContaining({ ...job, queue: 'snapshots', state: 'waiting-children' }),
    );
    expect(listed).toContainEqual(
      expect.objectContaining({ ...job, queue: 'walks', state: 'active', id: walk.id }),
    );
    expect(await listJobs(queues, { outage: { isLost: true } as RedisOutage })).toBeNull();
    const during = await everythingInRedis();
    held.release();
    expect(await fleet.settled()).toMatchObject({ outcome: 'done' });
    await until('the job has ended', async () => (await queues.snapshots.getCompletedCount()) > 0);
    const after = await everythingInRedis();

    expect(during).toContain(snapshot.id);
    expect(tokens.size).toBeGreaterThan(0);
    expect(secrets(tokens).length).toBeGreaterThan(1_000);
    for (const secret of secrets(tokens)) {
      expect(during).not.toContain(secret);
      expect(after).not.toContain(secret);
    }

    const [scheduled] = await queues.schedules.getDelayed();
    const finished = [
      ...(await queues.walks.getCompleted()),
      ...(await queues.snapshots.getCompleted()),
    ];
    expect(finished.length).toBeGreaterThan(7);
    for (const { opts } of [scheduled, ...finished].filter((job) => job !== undefined)) {
      expect(opts).toMatchObject({
        removeOnComplete: { age: 3600, count: 1000 },
        removeOnFail: { age: 604_800, count: 1000 },
      });
    }
    expect(scheduled).toBeDefined();
    expect(Object.keys(walk.data).sort()).toEqual([
      'lease',
      'poolId',
      'requestId',
      'snapshot',
      'walk',
    ]);
    expect(Object.keys(snapshot.data).sort()).toEqual(['poolId', 'requestId']);
  });
});
