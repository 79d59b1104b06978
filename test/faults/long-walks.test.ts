import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { expectMirrored } from '../support/directory.ts';
import { keepLock, waitingFor } from '../support/holds.ts';
import { openTestMirror, type SyncOptions, type TestMirror } from '../support/mirror.ts';
import { createDatabaseOn } from '../support/postgres.ts';
import {
  type PostgresServer,
  postgresVersions,
  startPostgresServer,
} from '../support/postgres-server.ts';
import { recordPages } from '../support/recorded-pages.ts';
import { release } from '../support/release.ts';

/** Crashes of Postgres while the stage is LOGGED, as for walks that are expected to take long. */
const LONG: SyncOptions = { longWalksS: 0, formats: ['jsonl'] };
const SHORT: SyncOptions = { formats: ['jsonl'] };

/** A pool of this size is read in sixteen shards. */
const IN_SHARDS = 1500;
const FEW = 200;

/** Of a walk: one that is being committed, and the next one, which is fetched meanwhile. */
const PAGES_UNDER_WAY = 2;

let server: PostgresServer;
let mirror: TestMirror;

beforeAll(async () => {
  const [embedded] = await postgresVersions();
  server = await startPostgresServer(embedded as NonNullable<typeof embedded>);
});
afterAll(() => server.close());
afterEach(() => mirror.close());

/** Opens a mirror of a pool with so many users, in a database of this server. */
async function open(users: number): Promise<void> {
  mirror = await openTestMirror({ users, groups: 4, seed: 18 }, await createDatabaseOn(server.url));
}

/** Resolves once Postgres crashed before the service answered the `nth` call of an operation. */
function crashAt(operation: string, nth: number): Promise<void> {
  let calls = 0;
  return new Promise((resolve, reject) => {
    mirror.proxy.before = async (call) => {
      if (call.operation !== operation) return;
      calls += 1;
      if (calls === nth) await server.crash().then(resolve, reject);
    };
  });
}

/** Runs until the crash ends the run, and Postgres is there again. */
async function syncIntoCrash(crash: Promise<void>, options: SyncOptions): Promise<void> {
  const [{ error }] = await Promise.all([mirror.sync(options), crash]);
  expect(error).not.toBeNull();
  mirror.proxy.before = () => {};
}

/** How often the service was asked for a page of users or members. */
const listCalls = () => mirror.simulator.attempts.entries({ bucket: 'UserList' }).length;

/** Expects the next run to archive the snapshot that the crash interrupted, without a list call. */
async function expectResumedWithoutReading(): Promise<void> {
  mirror.simulator.attempts.clear();
  const { report, resumed, error } = await mirror.sync(LONG);
  expect(error).toBeNull();
  expect(report.state).toBe('archived');
  expect(resumed).toBe(true);
  expect(listCalls()).toBe(0);
  await expectMirrored(mirror.db, mirror.pool);
}

const hashes = () =>
  mirror.rows('SELECT username, hash, valid_from FROM mirror.user_hashes ORDER BY username');

describe('a crash of Postgres', () => {
  it.each([
    ['in the middle of long walks costs the pages under way', LONG, true],
    ['in the middle of short walks costs all pages', SHORT, false],
  ])('%s', async (_, options, survives) => {
    await open(IN_SHARDS);
    const first = recordPages(mirror);
    await syncIntoCrash(crashAt('ListUsers', 24), options);
    const [stage] = await mirror.rows<{ walks: string }>(
      `SELECT format('mirror.stage_%s_walks', stage) AS walks FROM mirror.runs`,
    );
    const walks = await mirror.rows<{ walk: string; pages: number }>(
      `SELECT coalesce(group_name, kind || coalesce(prefix, '')) AS walk, pages FROM ${stage?.walks}`,
    );
    const committed = walks.flatMap(({ walk, pages }) => first.get(walk)?.slice(0, pages) ?? []);

    const second = recordPages(mirror);
    expect((await mirror.sync(options)).report.state).toBe('archived');
    expect(await mirror.rows('SELECT DISTINCT state FROM directory.snapshots')).toEqual([
      { state: 'archived' },
    ]);
    await expectMirrored(mirror.db, mirror.pool);
    if (!survives) {
      expect(walks).toEqual([]);
      expect(second.get('users')).toEqual(first.get('users'));
      return;
    }
    expect(committed.length).toBeGreaterThan(8);
    for (const [walk, pages] of second) {
      expect(pages.filter((page) => committed.includes(page))).toEqual([]);
      const again = pages.filter((page) => first.get(walk)?.includes(page));
      expect(again.length).toBeLessThanOrEqual(PAGES_UNDER_WAY);
    }
  });

  it('while a snapshot is checked costs no page, and no record of unchanged users', async () => {
    await open(FEW);
    await mirror.sync(SHORT);
    const [gone, edited] = mirror.pool.users();
    mirror.pool.deleteUser(gone?.username as string);
    const before = (await hashes()).filter(({ username }) => username !== gone?.username);
    await syncIntoCrash(crashAt('AdminGetUser', 1), LONG);
    expect(await hashes()).toEqual([]);
    await expectResumedWithoutReading();
    expect(await hashes()).toEqual(before);

    // Without its record, the edited row would count as one that no publication wrote.
    await mirror.rows(
      `UPDATE directory.users SET attributes = attributes || '{"email":"x"}' WHERE username = $1`,
      [edited?.username],
    );
    const { report } = await mirror.sync(SHORT);
    expect(report).toMatchObject({ state: 'archived', repaired: 1, added: 0, modified: 0 });
    await expectMirrored(mirror.db, mirror.pool);
  });

  it('while a snapshot is published costs no page', async () => {
    await open(FEW);
    const unlock = await keepLock(mirror, 'LOCK directory.memberships IN SHARE MODE');
    const crashWhilePublishing = async () => {
      while ((await waitingFor(mirror, 'directory.memberships')) === 0) await sleep(10);
      await server.crash();
    };
    await syncIntoCrash(crashWhilePublishing(), LONG);
    await unlock();
    expect(await mirror.rows('SELECT FROM directory.users')).toEqual([]);
    await expectResumedWithoutReading();
  });

  it.each([
    ['long', LONG],
    ['short', SHORT],
  ])('leaves a held snapshot of %s walks to be released', async (_, options) => {
    await open(FEW);
    await mirror.sync(SHORT);
    const users = [...mirror.pool.users()];
    for (const { username } of users.slice(0, 60)) mirror.pool.deleteUser(username);
    const { report } = await mirror.sync({ ...options, maxRemoved: 0 });
    expect(report.state).toBe('held');
    await server.crash();
    mirror.simulator.attempts.clear();
    const released = await release(mirror, report);
    expect(released).toMatchObject({ state: 'archived', removed: 60 });
    expect(mirror.simulator.attempts.entries()).toEqual([]);
    await expectMirrored(mirror.db, mirror.pool);
  });
});

it('a publication of all tables keeps the stage of long walks UNLOGGED', async () => {
  await open(FEW);
  // A subscriber lacks the tables, and a published table without a key takes no DELETE.
  await mirror.rows('CREATE PUBLICATION everything FOR ALL TABLES');
  const kinds = new Set<unknown>();
  mirror.proxy.before = async () => {
    const found = await mirror.rows<{ kind: string }>(
      `SELECT relpersistence AS kind FROM pg_class WHERE relname ~ '^stage_' AND relkind = 'r'`,
    );
    for (const { kind } of found) kinds.add(kind);
  };
  const { report } = await mirror.sync(LONG);
  expect(report.state).toBe('archived');
  expect([...kinds]).toEqual(['u']);
});
