import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type Change,
  createMirror,
  type Diff,
  type DiffQuestion,
  InterruptedError,
  type Mirror,
  type MirrorOptions,
  ResumableError,
} from '../../src/index.ts';
import { openLocks } from '../../src/postgres/coordination/locks.ts';
import { openRequest } from '../../src/postgres/coordination/requests.ts';
import { endComparison } from '../../src/postgres/store/transitions.ts';
import { holdCalls } from '../support/holds.ts';
import { openTestMirror, type TestMirror } from '../support/mirror.ts';

let world: TestMirror;
let mirror: Mirror;
let POOL: string;
const opened: Mirror[] = [];

beforeEach(async () => {
  world = await openTestMirror({ users: 400, groups: 5, seed: 5 });
  POOL = world.pool.settings.id;
  mirror = await open();
});
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
  await world.close();
});

async function open(change: MirrorOptions = {}): Promise<Mirror> {
  const made = await createMirror({
    home: world.work,
    databaseUrl: world.databaseUrl,
    archiveUrl: pathToFileURL(world.archive).href,
    archiveFormats: ['jsonl'],
    endpoints: { cognito: world.proxy.url },
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    quotas: { share: 1, userListRps: 100_000 },
    ...change,
  });
  opened.push(made);
  return made;
}

async function diff(
  question: DiffQuestion & { signal?: AbortSignal } = { to: 'now' },
): Promise<Diff & { changes: Change[] }> {
  const changes: Change[] = [];
  const result = await mirror.diff(
    POOL,
    async (_, batches) => {
      for await (const some of batches) changes.push(...some);
    },
    question,
  );
  return { ...result, changes };
}

/** Changes of every kind. */
function changePool(): void {
  const { pool } = world;
  const [gone, back, edited, member] = [...pool.users()].map(({ username }) => username);
  pool.deleteUser(gone as string);
  pool.deleteUser(back as string);
  pool.createUser({ username: back as string, status: 'UNCONFIRMED' });
  pool.updateAttributes(edited as string, { nickname: 'Edited' });
  pool.createUser({ username: 'new-one', attributes: { email: 'new@example.com' } });
  pool.createGroup('new-group', { precedence: 3 });
  pool.addToGroup(member as string, 'new-group');
  pool.addToGroup('new-one', 'new-group');
}

function deleteUsers(count: number): void {
  for (const { username } of [...world.pool.users()].slice(0, count)) {
    world.pool.deleteUser(username);
  }
}

/** All that a reader or an operator can see of the mirror, but for the time of DescribeUserPool. */
async function everything(): Promise<unknown> {
  const { pools, snapshots, requests, schedules } = await mirror.status();
  const tables = [
    'directory.users',
    'directory.user_history',
    'directory.groups',
    'directory.memberships',
    'directory.snapshots',
    'directory.snapshot_checks',
    'mirror.runs',
    'mirror.attempts',
    'mirror.requests',
  ];
  const rows = await Promise.all(
    tables.map((table) =>
      world.rows(`SELECT md5(string_agg(t::text, ',' ORDER BY t::text)) FROM ${table} AS t`),
    ),
  );
  const ageless = pools.map(({ newest, ...pool }) => ({ ...pool, newest: newest?.snapshot }));
  return { pools: ageless, snapshots, requests, schedules, rows, stages: await stages() };
}

const stages = () =>
  world.rows("SELECT relname FROM pg_class WHERE relname ~ '^stage_' AND relkind = 'r'");
const states = async () =>
  (await world.rows('SELECT state FROM directory.snapshots ORDER BY snapshot_at')).map(
    (row) => row['state'],
  );

describe('diff with now', () => {
  it('shows what the next sync then changes, from any snapshot, and publishes nothing', async () => {
    const first = await mirror.sync(POOL);
    world.pool.createUser({ username: 'between', status: 'CONFIRMED' });
    const second = await mirror.sync(POOL);
    changePool();
    const before = await everything();
    const shown = await diff();
    const sinceFirst = await diff({ from: first.snapshot as string, to: 'now' });
    expect(await everything()).toEqual(before);
    expect(shown).toMatchObject({ poolId: POOL, from: second.snapshot, to: 'now', reason: null });
    expect((shown.endedAt as Date) >= (shown.beganAt as Date)).toBe(true);
    expect(shown.summary).toMatchObject({
      users: { added: 1, removed: 1, replaced: 1 },
      groups: { added: 1 },
      memberships: { added: 2 },
    });

    await mirror.sync(POOL);
    const published = await diff({});
    expect(published.changes).toEqual(shown.changes);
    expect(published.summary).toEqual(shown.summary);
    const all = await diff({ from: first.snapshot as string, to: 'latest' });
    expect(all.changes).toEqual(sinceFirst.changes);
    expect(await diff()).toMatchObject({ changes: [] });
  });

  it('shows what the guard would hold, with its reason', async () => {
    const strict = await open({ maxRemovedRatio: 0.1 });
    await strict.sync(POOL);
    deleteUsers(52);
    mirror = strict;
    const found = await diff();
    expect(found.reason).toMatch(/^52 of 400 users would be removed/);
    expect(found.summary.users).toMatchObject({ removed: 52 });
    expect(await states()).toEqual(['archived']);
  });

  it('keeps a held snapshot, which can be released afterwards', async () => {
    await mirror.sync(POOL);
    deleteUsers(52);
    const held = await mirror.sync(POOL);
    expect(held.state).toBe('held');
    const before = await diff({ to: 'held' });
    world.pool.createUser({ username: 'later', status: 'CONFIRMED' });
    const found = await diff();
    expect(found.summary.users).toMatchObject({ added: 1, removed: 52 });
    expect(await diff({ to: 'held' })).toEqual(before);
    expect(await mirror.release(`${POOL}/${held.snapshot}`)).toMatchObject({ state: 'archived' });
    expect(await diff()).toMatchObject({ summary: { users: { added: 1, removed: 0 } } });
  });

  it('keeps an unfinished snapshot, which the next sync resumes', async () => {
    await mirror.sync(POOL);
    const stop = new AbortController();
    const { proxy } = world;
    proxy.before = ({ operation }) => {
      if (operation === 'ListUsersInGroup') stop.abort();
    };
    await expect(mirror.sync(POOL, { signal: stop.signal })).rejects.toThrow();
    proxy.before = () => {};
    const unfinished = await world.rows(
      "SELECT snapshot FROM directory.snapshots WHERE state = 'walking'",
    );
    expect(unfinished).toHaveLength(1);
    world.pool.createUser({ username: 'later', status: 'CONFIRMED' });
    expect((await diff()).summary.users).toMatchObject({ added: 1 });
    expect(await states()).toEqual(['archived', 'walking']);
    const { snapshot } = await mirror.sync(POOL);
    expect(unfinished).toEqual([{ snapshot }]);
  });

  it('finds nothing to compare with in a pool that was never published, and calls nothing', async () => {
    await mirror.migrate();
    await expect(diff()).rejects.toThrow(/no snapshot of this pool was published/);
    expect(world.simulator.attempts.count({ operation: 'ListUsers' })).toBe(0);
    expect(await stages()).toEqual([]);
  });

  it('refuses a mistake before it reads', async () => {
    await mirror.sync(POOL);
    const before = world.simulator.attempts.total;
    await expect(diff({ from: '20200101T000000Z', to: 'now' })).rejects.toThrow(/does not exist/);
    await expect(diff({ to: 'now', fields: ['emial'] })).rejects.toThrow(/has "emial"/);
    await expect(diff({ from: 'now', to: 'latest' })).rejects.toThrow(/names the live pool/);
    await expect(diff({ from: 'held', to: 'now' })).rejects.toThrow(/names a held snapshot/);
    // DescribeUserPool alone.
    expect(world.simulator.attempts.total - before).toBeLessThanOrEqual(3);
  });
});

describe('other runs', () => {
  it('wait while the pool is read, but not while the changes are shown', async () => {
    await mirror.sync(POOL);
    changePool();
    const other = await open();
    const held = holdCalls(world, 'ListUsers', 2);
    let shownAs: string | null = null;
    const names: string[] = [];
    const reading = mirror.diff(
      POOL,
      async (_, batches) => {
        const report = await other.sync(POOL);
        shownAs = report.state;
        for await (const some of batches) {
          for (const change of some) names.push('username' in change ? change.username : '');
        }
      },
      { to: 'now' },
    );
    await expect.poll(held.reached).toBe(true);
    expect((await other.status()).snapshots).toMatchObject([
      { state: 'comparing', runner: 'inline', walking: { walks: expect.any(Array) } },
      { state: 'archived' },
    ]);
    await expect(other.sync(POOL)).rejects.toThrow(/Another run is reading/);
    held.release();
    await reading;
    // The sync published while the changes were shown: they are still those of the reading.
    expect(shownAs).toBe('archived');
    expect(names).toContain('new-one');
    expect(await stages()).toEqual([]);
    expect(await states()).toEqual(['archived', 'archived']);
  });

  it.each(['pool', 'quota'])('keep it from starting: the %s is locked', async (what) => {
    await mirror.sync(POOL);
    const locks = await openLocks(world.databaseUrl, () => {});
    if (what === 'pool') await locks.lockPool(POOL);
    else await locks.lockQuota('123456789012', 'us-east-1', 'exclusive');
    await expect(diff()).rejects.toThrow(ResumableError);
    await locks.unlock();
    expect(await states()).toEqual(['archived']);
  });

  it('leave it out if a snapshot is released meanwhile', async () => {
    await mirror.sync(POOL);
    deleteUsers(52);
    const held = await mirror.sync(POOL);
    const calls = holdCalls(world, 'ListUsers', 2);
    const reading = diff();
    const refused = expect(reading).rejects.toThrow(/was published while the pool was read/);
    await expect.poll(calls.reached).toBe(true);
    const other = await open();
    await other.release(`${POOL}/${held.snapshot}`);
    calls.release();
    await refused;
    expect(await states()).toEqual(['archived', 'archived']);
    expect(await stages()).toEqual([]);
  });

  it('keep an open request of workers that are gone', async () => {
    await mirror.sync(POOL);
    await openRequest(world.db, POOL, 'trigger');
    expect(await diff()).toMatchObject({ changes: [] });
    expect(await world.rows('SELECT ended_at FROM mirror.requests')).toEqual([{ ended_at: null }]);
  });
});

describe('a comparison that is stopped', () => {
  it('leaves nothing after an interrupt, even in the middle of its output', async () => {
    await mirror.sync(POOL);
    const before = await everything();
    const stop = new AbortController();
    world.proxy.before = ({ operation }) => {
      if (operation === 'ListUsersInGroup') stop.abort();
    };
    await expect(diff({ to: 'now', signal: stop.signal })).rejects.toThrow(InterruptedError);
    world.proxy.before = () => {};
    expect(await everything()).toEqual(before);
    const shown = mirror.diff(POOL, () => Promise.reject(new Error('closed')), { to: 'now' });
    await expect(shown).rejects.toThrow('closed');
    expect(await everything()).toEqual(before);
  });

  it('stops if another run takes it for dead', async () => {
    await mirror.sync(POOL);
    const calls = holdCalls(world, 'ListUsersInGroup', 1);
    const reading = diff();
    const stopped = expect(reading).rejects.toMatchObject({ code: 'lease_lost' });
    await expect.poll(calls.reached).toBe(true);
    const [row] = await world.rows<{ snapshotAt: Date }>(
      `SELECT snapshot_at AS "snapshotAt" FROM directory.snapshots WHERE state = 'comparing'`,
    );
    await endComparison(world.db, { poolId: POOL, snapshotAt: row?.snapshotAt as Date });
    calls.release();
    await stopped;
    expect(await states()).toEqual(['archived']);
    expect(await stages()).toEqual([]);
  });
});
