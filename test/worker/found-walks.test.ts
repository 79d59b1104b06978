import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ATTEMPTS } from '../../src/runner/worker/queues.ts';
import { type Fleet, openFleet, until } from '../support/fleet.ts';
import { holdCalls } from '../support/holds.ts';
import { openFleetQueues } from '../support/job-queues.ts';
import { expectSnapshots } from '../support/outcome.ts';
import { openWorkerMirror, type WorkerMirror } from '../support/worker-mirror.ts';

describe('walks that are found or fail while others run', () => {
  const [CUT, GETS_ON, STUCK] = ['us-east-1_Cut', 'us-east-1_GetsOn', 'us-east-1_Stuck'] as const;
  let mirror: WorkerMirror;

  beforeAll(async () => {
    mirror = await openWorkerMirror({
      pools: [{ id: CUT, users: 1_500 }, GETS_ON, STUCK],
      users: 400,
      groups: 3,
      seed: 381,
    });
  });
  afterAll(() => mirror.close());
  afterEach(() => {
    mirror.proxy.before = () => {};
    mirror.simulator.denied.clear();
  });

  /** The walks of the pool's open snapshot. */
  async function walks<T>(poolId: string, columns: string): Promise<T[]> {
    const [run] = await mirror.rows<{ stage: number }>(
      'SELECT stage FROM mirror.runs WHERE pool_id = $1',
      [poolId],
    );
    if (run === undefined) return [];
    return mirror.rows<T>(`SELECT ${columns} FROM mirror.stage_${run.stage}_walks ORDER BY id`);
  }

  /** Refuses, for no documented reason, the calls that `isRefused` names by their order, from 1. */
  function refuseUserPages(poolId: string, isRefused: (call: number) => boolean): void {
    let calls = 0;
    mirror.proxy.before = ({ operation, request }) => {
      if (operation !== 'ListUsers' || request['UserPoolId'] !== poolId) return;
      calls += 1;
      if (isRefused(calls)) return { __type: 'PaperJamException', message: 'Out of paper.' };
    };
  }

  const walkJobs = async (poolId: string, state: 'completed' | 'failed') =>
    (await mirror.queues.walks.getJobs([state])).filter((job) => job.data.poolId === poolId);

  it('a split after a final failure of another walk: its shards are read, and the request fails', async () => {
    mirror.simulator.denied.set('ListUsersInGroup', 'AccessDeniedException');
    const held = holdCalls(mirror, 'ListUsers', 1);
    await mirror.ask(CUT);
    await mirror.startWorker();
    await until('a walk has failed', async () => {
      const found = await walks<{ failure: string | null }>(CUT, 'failure');
      return held.reached() && found.some(({ failure }) => failure !== null);
    });
    held.release();
    expect(await mirror.ended(CUT)).toMatchObject({
      outcome: 'failed',
      reason: expect.stringContaining('ListUsersInGroup'),
    });
    const ended = await walks<{ kind: string; state: string }>(CUT, 'kind, state');
    expect(ended.filter(({ kind, state }) => kind === 'users' && state === 'done')).toHaveLength(
      16,
    );
    // No job was added twice: the snapshot's job planned the walks, waited for them, and checked.
    // (The request ends in Postgres before its job ends in Redis.)
    const attempts = async () => (await mirror.queues.snapshots.getFailed())[0]?.attemptsStarted;
    await expect.poll(attempts).toBe(2);
  });

  it('a walk that reads pages before each failure spends no attempt', async () => {
    refuseUserPages(GETS_ON, (call) => call % 3 === 0);
    await mirror.ask(GETS_ON);
    await mirror.startWorker();
    expect(await mirror.ended(GETS_ON)).toMatchObject({ outcome: 'done' });
    const jobs = await walkJobs(GETS_ON, 'completed');
    expect(jobs).toHaveLength(5);
    expect(jobs.map(({ attemptsMade }) => attemptsMade)).toEqual(Array(5).fill(1));
    const ofUsers = jobs.find(({ name }) => name === 'users');
    expect(ofUsers?.attemptsStarted).toBeGreaterThan(2);
  });

  it('a walk that reads no page fails after its attempts, with the reason', async () => {
    refuseUserPages(STUCK, (call) => call > 2);
    await mirror.ask(STUCK);
    await mirror.startWorker();
    expect(await mirror.ended(STUCK)).toMatchObject({
      outcome: 'failed',
      reason: expect.stringContaining('PaperJam'),
    });
    const [job, ...more] = await walkJobs(STUCK, 'failed');
    expect(more).toEqual([]);
    // The first run read two pages, so it spent no attempt.
    expect(job).toMatchObject({
      name: 'users',
      attemptsMade: ATTEMPTS,
      attemptsStarted: ATTEMPTS + 1,
    });
  });
});

describe('a walk over groups whose worker is killed between two pages', () => {
  let fleet: Fleet;
  afterEach(() => fleet.close());

  it('omits no group: each has one job, in the same round', async () => {
    const groups = 130;
    fleet = await openFleet({ users: 60, groups, seed: 382 });
    const killed = await fleet.worker();
    const held = holdCalls(fleet, 'ListGroups', 3);
    await fleet.trigger();
    await until('two pages of groups are committed', async () => {
      const [run] = await fleet.rows<{ stage: number }>('SELECT stage FROM mirror.runs');
      if (run === undefined) return false;
      const stage = `mirror.stage_${run.stage}_walks`;
      const found = await fleet.rows(`SELECT FROM ${stage} WHERE kind = 'members'`);
      return held.reached() && found.length === 120;
    });
    killed.child.kill('SIGKILL');
    await killed.result;
    held.release();
    await fleet.worker();
    expect(await fleet.settled()).toMatchObject({ outcome: 'done' });
    await expectSnapshots(fleet, 1);

    const queues = await openFleetQueues(fleet);
    const jobs = await queues.walks.getCompleted().finally(() => queues.close());
    const members = jobs.filter(({ name }) => name === 'members');
    expect(new Set(members.map(({ data }) => data.walk)).size).toBe(groups);
    expect(members).toHaveLength(groups);
    expect(new Set(jobs.map(({ data }) => data.lease)).size).toBe(1);
    expect(fleet.simulator.attempts.count({ operation: 'ListUsersInGroup' })).toBe(groups);
  });
});
