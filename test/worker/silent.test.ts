import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { afterEach, expect, it, onTestFinished } from 'vitest';
import type { Status } from '../../src/runner/status.ts';
import { type Fleet, type FleetWorker, openFleet, until } from '../support/fleet.ts';
import { expectNoAttemptSpent } from '../support/job-queues.ts';
import { expectSnapshots } from '../support/outcome.ts';
import { startRelay } from '../support/relay.ts';
import { lossAndReturn, troubleIn } from '../support/worker-log.ts';

/** What the silent worker adds to the name of its sessions. */
const SILENT = 'silent';
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

/** How many transactions a worker that went silent left open in Postgres, once its sessions rest. */
async function openTransactions({ pid }: FleetWorker): Promise<number> {
  let before: unknown;
  await until('its sessions rest for a second', async () => {
    const sessions = await fleet.rows<{ state: string }>(
      `SELECT pid, state, state_change::text FROM pg_stat_activity
       WHERE datname = current_database() AND application_name = $1 ORDER BY pid`,
      [`cognito-mirror (${SILENT})`],
    );
    const rest =
      isDeepStrictEqual(sessions, before) && sessions.every(({ state }) => state !== 'active');
    before = sessions;
    if (!rest) await sleep(1_000);
    return rest;
  });
  // Each transaction holds a lock that names its worker.
  const [found] = await fleet.rows<{ open: number }>(
    `SELECT count(*)::int AS open FROM mirror.workers AS w JOIN pg_locks AS l
       ON l.locktype = 'advisory' AND l.objsubid = 2
       AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND l.classid = hashtext('cognito-mirror transaction')::oid
       AND l.objid = hashtext(w.id)::oid
     WHERE w.pid = $1`,
    [pid],
  );
  return found?.open as number;
}

/** The numbers of transactions that a worker reports to have ended. */
const endedTransactions = ({ output }: FleetWorker) =>
  [...output.stderr.matchAll(/"transactions":(\d+)/g)].map(([, ended]) => Number(ended));

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
  const url = `${relay.url}?application_name=${SILENT}`;
  const silent = await fleet.worker({ ...PACE, DATABASE_URL: url });
  await fleet.trigger(POOL);
  await until('it reads walks', async () => (await jobsInHand(silent)) > 0);
  const other = await fleet.worker(PACE);
  relay.freeze();
  const open = await openTransactions(silent);
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
  // If the silence began within transactions, the other worker ends them and reports it once.
  if (open > 0) await until('it reports that', async () => endedTransactions(other).length > 0);
  expect(endedTransactions(other)).toEqual(open === 0 ? [] : [open]);
  const reports = open === 0 ? [] : ['ended the open transactions of lost workers undefined'];
  expect(troubleIn(other)).toEqual(reports);

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
