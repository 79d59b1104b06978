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

it('walks return their slots: a small pool ends before a large one that had all slots', async () => {
  fleet = await openFleet({
    pools: [
      { id: LONG, account: '111122223333', users: 5_000, groups: 60, seed: 371 },
      { id: SHORT, account: '444455556666', users: 240, groups: 4, seed: 372 },
    ],
  });
  const queues = await openFleetQueues(fleet);
  let rounds: NodeJS.Timeout | undefined;
  try {
    const long = gate(LONG);
    await fleet.worker();
    await fleet.trigger(LONG);
    await until('every slot is taken', async () => (await queues.walks.getActiveCount()) === 32);
    rounds = setInterval(long.next, SLICE_MS + 1_000);
    await fleet.trigger(SHORT);
    // The long pool has groups of eighty pages: it would keep slots for eighty rounds.
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
    clearInterval(rounds);
    await queues.close();
  }
});
