import { afterEach, describe, expect, it } from 'vitest';
import { openPool } from '../../src/postgres/connection.ts';
import { takeLease, withLease } from '../../src/postgres/store/leases.ts';
import { beginSnapshot } from '../../src/postgres/store/transitions.ts';
import { type Fleet, type FleetWorker, openFleet, until } from '../support/fleet.ts';
import { holdCalls, keepLock, waitingFor } from '../support/holds.ts';
import { expectSnapshots } from '../support/outcome.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { troubleIn } from '../support/worker-log.ts';

let fleet: Fleet;

const STAGE_TABLES = ['walks', 'users', 'groups', 'memberships'];

/**
 * Everything that the walks of the open snapshot have written: checkpoints and rows. It leaves out the
 * lease of a walk, which rises again if a busy machine makes another worker take the walk.
 */
async function readStage(): Promise<unknown> {
  const [run] = await fleet.rows<{ stage: number }>('SELECT stage FROM mirror.runs');
  return Promise.all(
    STAGE_TABLES.map(async (table) =>
      (
        await fleet.rows<{ row: string }>(
          `SELECT (to_jsonb(t) - 'lease')::text AS row FROM mirror.stage_${run?.stage}_${table} AS t ORDER BY 1`,
        )
      ).map(({ row }) => row),
    ),
  );
}

/** From now on records who writes which rows of the stage of the open snapshot, leases included. */
async function recordWrites(): Promise<void> {
  const [run] = await fleet.rows<{ stage: number }>('SELECT stage FROM mirror.runs');
  await fleet.rows('CREATE TABLE public.writes (session text, written jsonb)');
  await fleet.rows(
    `CREATE FUNCTION public.record_write() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN
       INSERT INTO public.writes
       VALUES (current_setting('application_name'), coalesce(to_jsonb(NEW), to_jsonb(OLD)));
       RETURN NULL;
     END $$`,
  );
  for (const table of STAGE_TABLES) {
    await fleet.rows(
      `CREATE TRIGGER record AFTER INSERT OR UPDATE OR DELETE ON mirror.stage_${run?.stage}_${table}
       FOR EACH ROW EXECUTE FUNCTION public.record_write()`,
    );
  }
}

/** What sessions of this name have written since then. */
const writesOf = (session: string) =>
  fleet.rows('SELECT written FROM public.writes WHERE session = $1', [session]);

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

/** Wakes a worker, and waits until all its jobs have ended. */
async function wake({ child, pid }: FleetWorker): Promise<void> {
  const [before] = await fleet.rows<{ jobs: number; at: Date }>(
    'SELECT jobs, clock_timestamp() AS at FROM mirror.workers WHERE pid = $1',
    [pid],
  );
  expect(before?.jobs).toBeGreaterThan(0);
  child.kill('SIGCONT');
  await until('it is awake, and runs no job', async () => {
    const [now] = await fleet.rows<{ idle: boolean }>(
      'SELECT jobs = 0 AND seen_at > $2 AS idle FROM mirror.workers WHERE pid = $1',
      [pid, before?.at],
    );
    return now?.idle;
  });
}

/** True once a page of the members of a group is committed. */
async function membersAreRead(): Promise<boolean> {
  const [run] = await fleet.rows<{ stage: number }>('SELECT stage FROM mirror.runs');
  const read = await fleet.rows(
    `SELECT FROM mirror.stage_${run?.stage}_walks WHERE kind = 'members' AND pages > 0 LIMIT 1`,
  );
  return read.length > 0;
}

/** The walks that are to be read, with how often each was claimed. */
async function openWalks(): Promise<{ id: number; kind: string; lease: number }[]> {
  const [run] = await fleet.rows<{ stage: number }>('SELECT stage FROM mirror.runs');
  return fleet.rows(
    `SELECT id, kind, lease FROM mirror.stage_${run?.stage}_walks WHERE state = 'open'`,
  );
}

/** True once groups and users are read, and the members of groups are not. */
const onlyMembers = async () => (await openWalks()).every(({ kind }) => kind === 'members');

/** Resolves once each of these workers has reported that it has jobs. */
const haveJobs = (workers: readonly FleetWorker[]) =>
  until('they have reported their jobs', async () => {
    const [busy] = await fleet.rows<{ workers: number }>(
      'SELECT count(*)::int AS workers FROM mirror.workers WHERE jobs > 0 AND pid = ANY ($1)',
      [workers.map(({ pid }) => pid)],
    );
    return busy?.workers === workers.length;
  });

/** Stops a worker's process, and returns the moment by Postgres's clock. */
async function freeze(...workers: readonly FleetWorker[]): Promise<Date> {
  for (const { child } of workers) child.kill('SIGSTOP');
  const [frozen] = await fleet.rows<{ at: Date }>('SELECT clock_timestamp() AS at');
  return frozen?.at as Date;
}

/** How many seconds Postgres's clock is past a moment. */
async function secondsSince(moment: Date): Promise<number> {
  const [since] = await fleet.rows<{ seconds: number }>(
    'SELECT extract(epoch FROM clock_timestamp() - $1)::float AS seconds',
    [moment],
  );
  return since?.seconds ?? Number.NaN;
}

/** How many sessions of the workers wait for a lock. */
async function waitingSessions(): Promise<number> {
  const [counted] = await fleet.rows<{ waiting: number }>(
    `SELECT count(*) FILTER (WHERE wait_event_type = 'Lock')::int AS waiting
     FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = 'cognito-mirror'`,
  );
  return counted?.waiting ?? 0;
}

/** How long a snapshot may stop after its workers froze, in seconds of Postgres's clock. */
const BOUND_SECONDS = 60;

describe('a worker that froze while it read', () => {
  afterEach(() => fleet.close());

  it('writes nothing under its lost leases, stays alive and runs new jobs', async () => {
    fleet = await openFleet({ users: 400, groups: 34, seed: 351 });
    const ofEarly = `${fleet.databaseUrl}?application_name=early`;
    const [early, late] = await Promise.all([
      fleet.worker({ DATABASE_URL: ofEarly }),
      fleet.worker(),
    ]);
    const held = holdCalls(fleet, 'ListUsersInGroup', 1);
    await fleet.trigger();
    // More than one worker reads at a time, so both have some.
    await until('nothing but members is left to read', async () => held.reached() && onlyMembers());
    await haveJobs([early, late]);
    await freeze(early, late);
    const before = await openWalks();
    // The answers that they wait for are there when they wake up.
    held.release();
    const heldAgain = holdCalls(fleet, 'ListUsersInGroup', 1);
    const [successor] = await Promise.all([fleet.worker(), fleet.worker()]);
    await until('their walks were taken over', async () =>
      (await openWalks()).every(
        ({ id, lease }) => lease > (before.find((walk) => walk.id === id)?.lease ?? lease),
      ),
    );

    await recordWrites();
    const stage = await readStage();
    await wake(early);
    expect(await readStage()).toEqual(stage);
    expect(await writesOf('cognito-mirror (early)')).toEqual([]);

    heldAgain.release();
    await fleet.settled();
    await expectSnapshots(fleet, 1);
    expect(await writesOf('cognito-mirror')).not.toEqual([]);
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
  });

  it('delays a third worker by at most a minute, beside another frozen one and many sessions that wait for a lock', async () => {
    // As many groups as three workers read at a time, so that each has its share.
    fleet = await openFleet({ users: 120, groups: 96, seed: 352 });
    const held = holdCalls(fleet, 'ListGroups', 1);
    const [one, two] = await Promise.all([fleet.worker(), fleet.worker(), fleet.worker()]);
    await fleet.trigger();
    await until('the groups are being read', async () => held.reached());
    const unlock = await keepLock(fleet, 'SELECT FROM mirror.runs FOR UPDATE');
    held.release();
    // A worker has ten connections, so at least four of each wait.
    await until('all wait for the snapshot', async () => (await waitingSessions()) >= 24);
    await haveJobs([one, two]);
    const frozenAt = await freeze(one, two);
    await unlock();
    await until('members are read', membersAreRead);
    expect(await secondsSince(frozenAt)).toBeLessThan(BOUND_SECONDS);
    await fleet.settled();
    await expectSnapshots(fleet, 1);

    for (const worker of [one, two]) {
      await wake(worker);
      expect(troubleIn(worker)).toEqual([]);
    }
    await fleet.trigger();
    await fleet.settled();
    await expectSnapshots(fleet, 2);
  });
});

describe('a worker that froze while it published', () => {
  afterEach(() => fleet.close());

  it('loses its transaction while its statement runs', async () => {
    fleet = await openFleet({ users: 120, groups: 4, seed: 353 });
    const mayPublish = await keepLock(fleet, 'LOCK TABLE directory.users IN SHARE MODE');
    const publisher = await fleet.worker();
    await fleet.trigger();
    await until('it publishes', async () => (await waitingFor(fleet, 'directory.users')) > 0);
    await haveJobs([publisher]);
    const [before] = await fleet.rows<{ lease_number: number }>(
      'SELECT lease_number FROM mirror.runs',
    );
    const frozenAt = await freeze(publisher);
    await fleet.worker();
    await until('another one has the snapshot', async () => {
      const [now] = await fleet.rows<{ lease_number: number }>(
        'SELECT lease_number FROM mirror.runs',
      );
      return now?.lease_number !== before?.lease_number;
    });
    expect(await secondsSince(frozenAt)).toBeLessThan(BOUND_SECONDS);
    await mayPublish();
    await fleet.settled();
    await expectSnapshots(fleet, 1);
    await wake(publisher);
    expect(troubleIn(publisher)).toEqual([]);
  });
});

describe('a runner that froze while it published', () => {
  it('loses its locks to its successor', async () => {
    const database = await createTestDatabase();
    const frozen = openPool(database.url, 1);
    const successor = openPool(database.url, 1);
    try {
      const { lease } = await beginSnapshot(frozen, 'us-east-1_Frozen');
      let locked = () => {};
      const hasLocked = new Promise<void>((resolve) => {
        locked = resolve;
      });
      const published = withLease(frozen, lease, ['walking'], async (client) => {
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
      const taken = takeLease(successor, lease.poolId, ['walking']);
      await expect(published).rejects.toThrow(/idle-in-transaction timeout/);
      expect((await taken)?.number).toBe(lease.number + 1);
    } finally {
      await frozen.end();
      await successor.end();
      await database.drop();
    }
  });
});
