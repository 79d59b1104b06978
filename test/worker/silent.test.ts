import { afterEach, expect, it, onTestFinished } from 'vitest';
import type { Status } from '../../src/runner/status.ts';
import { type Fleet, type FleetWorker, openFleet, until } from '../support/fleet.ts';
import { expectNoAttemptSpent } from '../support/job-queues.ts';
import { expectSnapshots } from '../support/outcome.ts';
import { startRelay } from '../support/relay.ts';
import { lossAndReturn, troubleIn } from '../support/worker-log.ts';

const [POOL, OTHER] = ['us-east-1_Pool', 'us-east-1_OfAnotherAccount'] as const;

let fleet: Fleet;
afterEach(() => fleet.close());

/** So that a pool's walks take some seconds. */
const PACE = { MIRROR_USER_LIST_RPS: '20' };

const readyz = async ({ url }: FleetWorker) => (await fetch(`${url}/readyz`)).status;

/** How many jobs a worker runs, as it reports. */
async function jobsInHand({ pid }: FleetWorker): Promise<number> {
  const [row] = await fleet.rows<{ jobs: number }>(
    'SELECT jobs FROM mirror.workers WHERE pid = $1',
    [pid],
  );
  return row?.jobs ?? 0;
}

const ENDED_TRANSACTIONS = 'ended the open transactions of lost workers';

it('a worker that gets no answer from Postgres leaves its jobs to another, and recovers', async () => {
  fleet = await openFleet({
    pools: [
      { id: POOL, account: '111122223333', groups: 40, seed: 386 },
      { id: OTHER, account: '444455556666', groups: 2, seed: 388 },
    ],
    users: 600,
  });
  const relay = await startRelay(fleet.databaseUrl);
  onTestFinished(() => relay.close());
  const silent = await fleet.worker({ ...PACE, DATABASE_URL: relay.url });
  await fleet.trigger(POOL);
  await until('it reads walks', async () => (await jobsInHand(silent)) > 0);
  const other = await fleet.worker(PACE);
  relay.freeze();
  await until('the loss is logged', async () => troubleIn(silent).length > 0);
  expect(await readyz(silent)).toBe(503);
  expect(await readyz(other)).toBe(200);
  await until('status shows it', async () => {
    const { stdout } = await fleet.run(['status', '--json']);
    const { workers } = JSON.parse(stdout) as Status;
    return workers.some(({ pid, alive }) => pid === silent.pid && !alive);
  });
  await fleet.settled(POOL);
  await expectSnapshots(fleet, 1);
  // If the silence began within a transaction, the other worker ends that one and reports it.
  const unexpected = troubleIn(other).filter((line) => !line.startsWith(ENDED_TRANSACTIONS));
  expect(unexpected).toEqual([]);

  relay.thaw();
  await until('it is ready again', async () => (await readyz(silent)) === 200);
  await until('its return is logged', async () => troubleIn(silent).length > 1);
  expect(troubleIn(silent)).toEqual(lossAndReturn('Postgres'));
  other.child.kill('SIGTERM');
  await other.result;
  // Another account, whose quota lock it has to take again.
  await fleet.trigger(OTHER);
  expect(await fleet.settled(OTHER)).toMatchObject({ outcome: 'done' });
  await expectNoAttemptSpent(fleet);
});
