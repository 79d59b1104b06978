import { afterEach, describe, expect, it } from 'vitest';
import { openPool } from '../../src/postgres/connection.ts';
import { fenced } from '../../src/postgres/run.ts';
import { createStage } from '../../src/postgres/stage/create.ts';
import { beginSnapshot } from '../../src/postgres/state/begin.ts';
import { takeRun } from '../../src/postgres/state/take-run.ts';
import { type Fleet, type FleetWorker, openFleet, until } from '../support/fleet.ts';
import { holdCalls } from '../support/holds.ts';
import { expectSnapshots } from '../support/outcome.ts';
import { createTestDatabase } from '../support/postgres.ts';

let fleet: Fleet;

/** Everything that the walks of the open snapshot have written: checkpoints and rows. */
async function readStage(): Promise<unknown> {
  const [run] = await fleet.rows<{ stage: number }>('SELECT stage FROM mirror.runs');
  const tables = ['walks', 'users', 'groups', 'memberships'];
  return Promise.all(
    tables.map(async (table) =>
      (
        await fleet.rows<{ row: string }>(
          `SELECT to_jsonb(t)::text AS row FROM mirror.stage_${run?.stage}_${table} AS t ORDER BY 1`,
        )
      ).map(({ row }) => row),
    ),
  );
}

/** Everything that is known of snapshots and requests, and what readers see. */
async function readAll(): Promise<unknown> {
  const tables = [
    'directory.snapshots',
    'directory.users',
    'directory.groups',
    'directory.memberships',
    'mirror.runs',
    'mirror.requests',
  ];
  return Promise.all(tables.map((table) => fleet.rows(`SELECT * FROM ${table} AS t ORDER BY t`)));
}

/** Wakes a worker, and waits until it has let go of everything that it had in hand. */
async function wake({ child, pid }: FleetWorker): Promise<void> {
  const [before] = await fleet.rows<{ jobs: number; at: Date }>(
    'SELECT jobs, clock_timestamp() AS at FROM mirror.workers WHERE pid = $1',
    [pid],
  );
  expect(before?.jobs).toBeGreaterThan(0);
  child.kill('SIGCONT');
  await until('it is awake, and has nothing in hand', async () => {
    const [now] = await fleet.rows<{ idle: boolean }>(
      'SELECT jobs = 0 AND seen_at > $2 AS idle FROM mirror.workers WHERE pid = $1',
      [pid, before?.at],
    );
    return now?.idle;
  });
}

/** The least claim of the walks that are to be read. */
async function leastClaim(): Promise<number> {
  const [run] = await fleet.rows<{ stage: number }>('SELECT stage FROM mirror.runs');
  const [least] = await fleet.rows<{ claim: number }>(
    `SELECT min(claim)::int AS claim FROM mirror.stage_${run?.stage}_walks WHERE state = 'open'`,
  );
  return least?.claim ?? 0;
}

describe('a worker that froze while it read', () => {
  afterEach(() => fleet.close());

  it('writes nothing for what others took over, goes on living and takes new jobs', async () => {
    fleet = await openFleet({ users: 400, groups: 24, seed: 351 });
    const [early, late] = await Promise.all([fleet.worker(), fleet.worker()]);
    const held = holdCalls(fleet, 'ListUsersInGroup', 1);
    await fleet.trigger();
    await until('both have told that they have walks in hand', async () => {
      const workers = await fleet.rows<{ jobs: number }>('SELECT jobs FROM mirror.workers');
      return workers.length === 2 && workers.every(({ jobs }) => jobs > 0);
    });
    for (const { child } of [early, late]) child.kill('SIGSTOP');
    // The answers that they wait for are there when they wake up.
    held.release();
    const heldAgain = holdCalls(fleet, 'ListUsersInGroup', 1);
    const successor = await fleet.worker();
    await until('their walks were taken over', async () => (await leastClaim()) > 1);

    const stage = await readStage();
    await wake(early);
    expect(await readStage()).toEqual(stage);

    heldAgain.release();
    await fleet.settled();
    await expectSnapshots(fleet, 1);
    const all = await readAll();
    await wake(late);
    expect(await readAll()).toEqual(all);

    for (const { child, result } of [early, successor]) {
      child.kill('SIGTERM');
      expect((await result).code).toBe(0);
    }
    await fleet.trigger();
    await fleet.settled();
    await expectSnapshots(fleet, 2);
  }, 120_000);
});

describe('a runner that froze while it published', () => {
  it('loses what it had locked to its successor', async () => {
    const database = await createTestDatabase();
    const frozen = openPool(database.url, 1);
    const successor = openPool(database.url, 1);
    try {
      const { run } = await beginSnapshot(frozen, 'us-east-1_Frozen', createStage);
      let locked = () => {};
      const hasLocked = new Promise<void>((resolve) => {
        locked = resolve;
      });
      const published = fenced(frozen, run, ['walking'], async (client) => {
        const { rows } = await client.query('SHOW idle_in_transaction_session_timeout');
        expect(rows).toEqual([{ idle_in_transaction_session_timeout: '1min' }]);
        // So that the test need not take that minute.
        await client.query("SET LOCAL idle_in_transaction_session_timeout = '500ms'");
        const lost = new Promise((_, reject) => client.once('error', reject));
        locked();
        // It asks nothing more of Postgres, as a process that is stopped.
        await lost;
      });
      await hasLocked;
      const taken = takeRun(successor, run.poolId, 'walking');
      await expect(published).rejects.toThrow(/idle-in-transaction timeout/);
      expect((await taken)?.fence).toBe(run.fence + 1);
    } finally {
      await frozen.end();
      await successor.end();
      await database.drop();
    }
  });
});
