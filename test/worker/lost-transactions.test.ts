import type pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openPool, transaction } from '../../src/postgres/connection.ts';
import { endTransactions, getOwner } from '../../src/postgres/coordination/transaction-owner.ts';
import {
  endTransactionsOfLostWorkers,
  recordHeartbeat,
} from '../../src/postgres/coordination/workers.ts';
import { discard } from '../../src/runner/held.ts';
import { takeOverRequest } from '../../src/runner/inline/lock-pool.ts';
import { createLostTransactionsEnder } from '../../src/runner/worker/lost-transactions.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { begin } from '../postgres/fixtures.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

const POOL = 'us-east-1_Left';
const ENDLESS = 'SELECT pg_sleep(3600)';

let database: TestDatabase;
/** The pools of two workers, and one of somebody who looks. */
let pools: [pg.Pool, pg.Pool, pg.Pool];
let look: () => Promise<void>;

beforeEach(async () => {
  database = await createTestDatabase();
  pools = [openPool(database.url, 4), openPool(database.url, 4), openPool(database.url, 2)];
  look = createLostTransactionsEnder(pools[2], createLogger({ level: 'silent' }));
});
afterEach(async () => {
  await Promise.all(pools.map((pool) => pool.end()));
  await database.drop();
});

/** Lets a worker say that it is alive. */
const beatOf = (pool: pg.Pool, by = pools[2]) =>
  recordHeartbeat(
    by,
    { id: getOwner(pool), host: 'host', pid: 1, version: 'test' },
    { jobs: 1, problem: null },
  );

/** Makes it 31 seconds since a worker was seen. */
const lose = (...workers: readonly pg.Pool[]) =>
  pools[2].query(
    `UPDATE mirror.workers SET seen_at = clock_timestamp() - interval '31 seconds'
     WHERE id = ANY ($1)`,
    [workers.map(getOwner)],
  );

/** How many transactions of the database wait for an advisory lock. */
async function countWaiting(): Promise<number | null> {
  const waiting = await pools[2].query(
    `SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
  );
  return waiting.rowCount;
}

/** Opens a transaction that locks something and then waits for its process. */
const openTransaction = (pool: pg.Pool, key: number) =>
  holdOpen(pool, (client) => client.query('SELECT pg_advisory_xact_lock($1)', [key]));

/** Opens a transaction that does this and then waits for its process. */
async function holdOpen(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<unknown>) {
  let finish = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  let begun = () => {};
  const hasBegun = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const result = transaction(pool, async (client) => {
    await work(client);
    begun();
    const lost = new Promise<never>((_, reject) => client.once('error', reject));
    await Promise.race([finished, lost]);
    return 'committed';
  }).catch(() => 'ended');
  await hasBegun;
  return { finish, result };
}

describe('the transactions of a lost worker', () => {
  it('are ended, including those that wait for a lock, and others continue', async () => {
    const [lost, alive, other] = pools;
    for (const pool of [lost, alive]) await beatOf(pool);
    const idle = await openTransaction(lost, 1);
    const waiting = transaction(lost, (client) =>
      client.query('SELECT pg_advisory_xact_lock(1)'),
    ).catch(() => 'ended');
    await expect.poll(countWaiting).toBe(1);
    const [ofAlive, ofUnknown] = [await openTransaction(alive, 2), await openTransaction(other, 3)];
    await lose(lost);
    for (let looks = 0; looks < 3; looks += 1) await look();
    expect(await Promise.all([idle.result, waiting])).toEqual(['ended', 'ended']);
    for (const { finish } of [ofAlive, ofUnknown]) finish();
    expect(await Promise.all([ofAlive.result, ofUnknown.result])).toEqual([
      'committed',
      'committed',
    ]);
    // Its process may go on, with new sessions.
    expect((await lost.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });

  it('are ended while a statement runs', async () => {
    const [lost] = pools;
    await beatOf(lost);
    const running = transaction(lost, (client) => client.query(ENDLESS)).catch(() => 'ended');
    await expect
      .poll(async () => {
        const found = await pools[2].query(
          'SELECT FROM pg_stat_activity WHERE datname = current_database() AND query = $1',
          [ENDLESS],
        );
        return found.rows.length;
      })
      .toBe(1);
    await lose(lost);
    for (let looks = 0; looks < 3; looks += 1) await look();
    expect(await running).toBe('ended');
  });

  it("continue if the worker is seen again, as after a step of Postgres's clock", async () => {
    const [one, two] = pools;
    for (const pool of [one, two]) await beatOf(pool);
    const open = [await openTransaction(one, 1), await openTransaction(two, 2)];
    for (let times = 0; times < 3; times += 1) {
      await lose(one, two);
      await look();
      await look();
      for (const pool of [one, two]) await beatOf(pool);
      await look();
    }
    for (const { finish } of open) finish();
    expect(await Promise.all(open.map(({ result }) => result))).toEqual(['committed', 'committed']);
  });

  it('are ended by an inline run that continues the snapshot of dead workers', async () => {
    const [lost, , sync] = pools;
    await beatOf(lost);
    await sync.query("INSERT INTO mirror.requests (pool_id, source) VALUES ($1, 'trigger')", [
      POOL,
    ]);
    const open = await openTransaction(lost, 1);
    await expect(takeOverRequest(sync, POOL)).rejects.toThrow(/workers are taking a snapshot/);
    await lose(lost);
    await takeOverRequest(sync, POOL);
    expect(await open.result).toBe('ended');
  });

  it('continue if a command sees the worker again', async () => {
    const [worker] = pools;
    await beatOf(worker);
    const open = await openTransaction(worker, 1);
    await lose(worker);
    // With one connection the worker is seen after the first look.
    const db = openPool(database.url, 1);
    try {
      const ending = endTransactionsOfLostWorkers(db);
      await beatOf(worker, db);
      // It looks lost again, as it was last seen at another time.
      await lose(worker);
      await ending;
    } finally {
      await db.end();
    }
    open.finish();
    expect(await open.result).toBe('committed');
  });

  it('are ended by `discard`, which needs the lock that they hold', async () => {
    const [lost, , person] = pools;
    await beatOf(lost);
    const lease = await begin(person);
    const { result } = await holdOpen(lost, (client) =>
      client.query('SELECT FROM mirror.runs WHERE stage = $1 FOR UPDATE', [lease.stage]),
    );
    await lose(lost);
    expect(await discard(person, lease)).toMatchObject({ state: 'discarded' });
    expect(await result).toBe('ended');
  });
});

it('the transactions of another database continue', async () => {
  const other = await createTestDatabase();
  const looking = openPool(other.url, 1);
  try {
    const open = await openTransaction(pools[0], 1);
    expect(await endTransactions(looking, [getOwner(pools[0])])).toBe(0);
    expect(await endTransactions(pools[2], [getOwner(pools[1])])).toBe(0);
    expect(await endTransactions(pools[2], [getOwner(pools[0])])).toBe(1);
    expect(await open.result).toBe('ended');
  } finally {
    await looking.end();
    await other.drop();
  }
});
