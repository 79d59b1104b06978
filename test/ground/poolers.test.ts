import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openPool, transaction } from '../../src/postgres/connection.ts';
import { openLocks } from '../../src/postgres/coordination/locks.ts';
import { openDatabase } from '../../src/postgres/database.ts';
import { openSession } from '../../src/postgres/session/open-session.ts';
import { type CliMirror, openCliMirror } from '../support/cli-mirror.ts';
import { expectMirrored } from '../support/directory.ts';
import { PGBOUNCER, startPgBouncer } from '../support/pgbouncer.ts';
import { type Pooler, type PoolerOptions, startPooler } from '../support/pooler.ts';
import { runSql } from '../support/postgres.ts';
import {
  type PostgresServer,
  postgresVersions,
  startPostgresServer,
} from '../support/postgres-server.ts';

type Started = Omit<Pooler, 'opened'>;

const ofPgBouncer = (program: string) => ({
  name: 'PgBouncer',
  start: (url: string, options: PoolerOptions) => startPgBouncer(program, url, options),
});

/** One of our own, as none may be installed; and PgBouncer itself where it is. */
const POOLERS = [
  {
    name: 'a pooler',
    start: startPooler as (url: string, options: PoolerOptions) => Promise<Started>,
  },
  ...(PGBOUNCER === null ? [] : [ofPgBouncer(PGBOUNCER)]),
];

let server: PostgresServer;
let mirror: CliMirror;
beforeAll(async () => {
  const [programs] = await postgresVersions();
  server = await startPostgresServer(programs as Exclude<typeof programs, undefined>);
  mirror = await openCliMirror({ users: 200, groups: 6 });
});
afterAll(async () => {
  await mirror?.close();
  await server?.close();
});

/** Advisory locks that any session of the server has. */
const locksLeft = () =>
  runSql(server.urlFor('postgres'), "SELECT pid FROM pg_locks WHERE locktype = 'advisory'");

describe.each(POOLERS)('through $name', ({ start }) => {
  let pooler: Started;
  const open = async (options: PoolerOptions) => {
    pooler = await start(server.urlFor('postgres'), options);
    return pooler.url;
  };
  afterEach(() => pooler.close());

  test('in session mode it mirrors', async () => {
    const url = await open({ mode: 'session', size: 20 });
    const env = { DATABASE_URL: url };
    for (const state of ['archived', 'archived']) {
      expect(await mirror.sync([], env)).toMatchObject({ code: 0, reports: [{ state }] });
    }
    const db = openPool(url, 2);
    await expectMirrored(db, mirror.pool).finally(() => db.end());
    expect(await locksLeft()).toEqual([]);
  });

  test('in session mode a statement is cancelled, and locks are freed', async () => {
    const url = await open({ mode: 'session', size: 20 });
    const db = openPool(url, 2);
    const stop = new AbortController();
    const reason = new Error('stopped');
    const running = transaction(
      db,
      async (client) => {
        setTimeout(() => stop.abort(reason), 100);
        await client.query('SELECT pg_sleep(600)');
      },
      stop.signal,
    );
    await expect(running).rejects.toBe(reason);
    await db.end();
    const locks = await openLocks(url, () => {});
    expect(await locks.lockPool('us-east-1_Pooled')).toBe(true);
    expect(await locksLeft()).toHaveLength(1);
    await locks.unlock();
    expect(await locksLeft()).toEqual([]);
  });

  test('that ends its session, a lock is lost with a word', async () => {
    const url = await open({ mode: 'session', size: 20 });
    const lost = new Promise<void>((resolve) => {
      void openLocks(url, resolve).then((locks) => locks.lockPool('us-east-1_Pooled'));
    });
    await expect.poll(locksLeft).toHaveLength(1);
    await runSql(
      server.urlFor('postgres'),
      "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'",
    );
    await lost;
    await expect.poll(locksLeft).toEqual([]);
  });

  const shared: PoolerOptions[] = [
    { mode: 'transaction' },
    { mode: 'transaction', size: 1 },
    { mode: 'transaction', size: 2, order: 'first' },
    { mode: 'transaction', order: 'first' },
  ];
  test.each(shared)('with %o it refuses, and leaves no lock', async (options) => {
    const url = await open(options);
    for (const command of [['sync'], ['status'], ['query', 'SELECT 1']]) {
      const { code, stderr } = await mirror.run(command, { DATABASE_URL: url });
      expect({ command, code, stderr }).toEqual({
        command,
        code: 2,
        stderr: expect.stringMatching(
          /a pooler in transaction or statement mode .* pool_mode=session/,
        ),
      });
    }
    expect(await locksLeft()).toEqual([]);
  });

  test('that other clients use as well it refuses each time', async () => {
    const url = await open({ mode: 'transaction', size: 5, order: 'first' });
    let isBusy = true;
    const others = Array.from({ length: 4 }, async () => {
      const db = openPool(url, 1);
      while (isBusy) await db.query('SELECT pg_sleep(random() * 0.01)').catch(() => {});
      await db.end();
    });
    for (let attempt = 0; attempt < 10; attempt++) {
      const opening = openDatabase({ databaseUrl: url, home: '' });
      await expect(opening).rejects.toThrow(/transaction or statement mode/);
    }
    isBusy = false;
    await Promise.all(others);
  });

  test('with `options` in the URL, says what the pooler refuses', async () => {
    const url = await open({ mode: 'session' });
    const opening = openDatabase({ databaseUrl: `${url}?options=-c%20geqo%3Doff`, home: '' });
    await expect(opening).rejects.toThrow(/unsupported startup parameter.*Remove `options`/);
  });

  test('a session keeps its settings', async () => {
    const session = await openSession(await open({ mode: 'session' }), 'cognito-mirror test');
    const { rows } = await session.query(
      `SELECT current_setting('DateStyle') AS style, current_setting('search_path') AS path,
         current_setting('application_name') AS name`,
    );
    expect(session.isPooled).toBe(true);
    expect(rows).toEqual([
      { style: 'ISO, MDY', path: 'pg_catalog, pg_temp', name: 'cognito-mirror test' },
    ]);
    await session.end();
  });
});
