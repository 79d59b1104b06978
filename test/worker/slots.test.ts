import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { type Fleet, openFleet, until } from '../support/fleet.ts';
import { openFleetQueues } from '../support/job-queues.ts';

let fleet: Fleet;
afterEach(() => fleet.close());

const [LONG, SHORT] = ['us-east-1_Long', 'us-east-1_Short'] as const;

/** A walk keeps its slot for so long, though others wait. */
const SLICE_MS = 15_000;

/** Holds every call for a pool, once its groups and shards are known; lets them go in rounds. */
function gate(poolId: string) {
  let held: (() => void)[] = [];
  let open = false;
  fleet.proxy.before = async ({ operation, request }) => {
    const isFirst = operation === 'ListUsers' && request['PaginationToken'] === undefined;
    const isKnown = operation === 'ListUsersInGroup' || (operation === 'ListUsers' && !isFirst);
    if (open || request['UserPoolId'] !== poolId || !isKnown) return;
    await new Promise<void>((resolve) => held.push(resolve));
  };
  const next = () => {
    const going = held;
    held = [];
    for (const go of going) go();
  };
  return {
    /** Gives each walk that waits its page, and keeps the one after it. */
    next,
    release() {
      open = true;
      next();
    },
  };
}

it('walks give their slots back: a short pool is done before a long one that had them all', async () => {
  fleet = await openFleet({
    pools: [
      { id: LONG, account: '111122223333', users: 5_000, groups: 60, seed: 371 },
      { id: SHORT, account: '444455556666', users: 240, groups: 4, seed: 372 },
    ],
  });
  const queues = await openFleetQueues(fleet);
  try {
    const long = gate(LONG);
    await fleet.worker();
    await fleet.trigger(LONG);
    await until('every slot is taken', async () => (await queues.walks.getActiveCount()) === 32);
    await fleet.trigger(SHORT);
    await sleep(SLICE_MS + 1_000);
    long.next();
    // Meanwhile no walk of the long pool gets another page.
    expect(await fleet.settled(SHORT)).toMatchObject({ outcome: 'done' });
    const [open] = await fleet.rows('SELECT outcome FROM mirror.requests WHERE pool_id = $1', [
      LONG,
    ]);
    expect(open).toEqual({ outcome: null });
    long.release();
    expect(await fleet.settled(LONG)).toMatchObject({ outcome: 'done' });

    const walks = await queues.walks.getCompleted();
    const givenBack = walks.filter(({ attemptsStarted }) => attemptsStarted > 1);
    expect(givenBack.length).toBeGreaterThan(0);
    for (const { attemptsMade } of walks) expect(attemptsMade).toBe(1);
  } finally {
    await queues.close();
  }
}, 120_000);
