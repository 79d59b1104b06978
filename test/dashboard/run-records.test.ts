import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { transaction } from '../../src/postgres/connection.ts';
import { listGroupGrowth, listGroupSizes } from '../../src/postgres/dashboard/group-sizes.ts';
import {
  countStatuses,
  listPoolDays,
  listStatusCounts,
} from '../../src/postgres/dashboard/pool-history.ts';
import { findPool, listSnapshots } from '../../src/postgres/dashboard/pool-snapshots.ts';
import {
  findNeighbours,
  findSnapshotByName,
  findVerification,
  findWalks,
} from '../../src/postgres/dashboard/snapshot.ts';
import { erasePersons } from '../../src/postgres/store/erase-persons.ts';
import { takeLease } from '../../src/postgres/store/leases.ts';
import { findCheck } from '../../src/postgres/store/snapshot-checks.ts';
import type { SnapshotRow } from '../../src/postgres/store/snapshots.ts';
import { beginSnapshot, discardSnapshot } from '../../src/postgres/store/transitions.ts';
import { addWalks, leaseWalk } from '../../src/postgres/store/walks.ts';
import { openTestMirror, type TestMirror } from '../support/mirror.ts';

/** One pool with two snapshots: between them 10 users left, 5 came and 20 were disabled. */
let mirror: TestMirror;
let poolId: string;
let first: SnapshotRow;
let second: SnapshotRow;
let largest: string;

beforeAll(async () => {
  mirror = await openTestMirror({ users: 1_300, groups: 4 });
  const { pool, db } = mirror;
  poolId = pool.settings.id;
  await mirror.sync();
  [largest = ''] = [...pool.groupNames()].sort((a, b) => pool.memberCount(b) - pool.memberCount(a));
  const names = [...pool.users()].map(({ username }) => username);
  for (const name of names.slice(0, 10)) pool.deleteUser(name);
  for (const name of names.slice(10, 30)) pool.changeUser(name, { enabled: false });
  for (const index of [1, 2, 3, 4, 5]) {
    pool.createUser({ username: `new-${index}`, attributes: { email: `n${index}@example.com` } });
    pool.addToGroup(`new-${index}`, largest);
  }
  const { outcome } = await mirror.sync();
  expect(outcome).toBe('archived');
  [second, first] = (await listSnapshots(db, poolId, null, 10)) as [SnapshotRow, SnapshotRow];
});
afterAll(() => mirror?.close());

const byStatus = (
  counts: readonly { status: string | null; enabled: boolean | null; users: number }[],
) => counts.map(({ status, enabled, users }) => `${status} ${enabled}: ${users}`).sort();

test('the users by status of a snapshot are those of its rows', async () => {
  const { db } = mirror;
  const kept = await listStatusCounts(db, poolId, [second.snapshotAt]);
  expect(byStatus(kept)).toEqual(byStatus(await countStatuses(db, poolId)));
  expect(kept.reduce((sum, { users }) => sum + users, 0)).toBe(1_295);
  const before = await listStatusCounts(db, poolId, [first.snapshotAt]);
  expect(before.reduce((sum, { users }) => sum + users, 0)).toBe(1_300);
});

test('the days have what their snapshots changed, and the first counts for no sign-up', async () => {
  const days = await listPoolDays(mirror.db, poolId, new Date(0));
  // A test at midnight has two days.
  expect(days.at(-1)?.users).toBe(1_295);
  expect(days.reduce((sum, { signUps }) => sum + signUps, 0)).toBe(5);
  expect(days.reduce((sum, { removals }) => sum + removals, 0)).toBe(10);
  const total = (pick: (row: SnapshotRow) => number) => pick(first) + pick(second);
  expect(days.reduce((sum, { apiCalls }) => sum + apiCalls, 0)).toBe(total((row) => row.apiCalls));
  for (const { readSeconds, publishSeconds, archiveSeconds } of days) {
    for (const seconds of [readSeconds, publishSeconds, archiveSeconds]) {
      expect(seconds).toBeGreaterThanOrEqual(0);
    }
  }
});

test('group sizes are those of the pool, now and before', async () => {
  const { db, pool } = mirror;
  const sizes = await listGroupSizes(db, poolId);
  expect(sizes.map(({ groupName, members }) => [groupName, members]).sort()).toEqual(
    [...pool.groupNames()].map((name) => [name, pool.memberCount(name)]).sort(),
  );
  expect(sizes[0]?.members).toBeGreaterThanOrEqual(sizes[1]?.members ?? 0);
  const names = sizes.map(({ groupName }) => groupName);
  const growth = await listGroupGrowth(db, poolId, names, first.snapshotAt);
  const rows = await mirror.rows<{ name: string; members: number }>(
    `SELECT group_name AS name, count(*) AS members FROM directory.memberships_at($1, $2)
     GROUP BY group_name`,
    [poolId, first.snapshotAt],
  );
  for (const { groupName, members } of sizes) {
    const grown = growth
      .filter((each) => each.groupName === groupName)
      .reduce((sum, each) => sum + each.grown, 0);
    expect([groupName, members - grown]).toEqual([
      groupName,
      rows.find(({ name }) => name === groupName)?.members ?? 0,
    ]);
  }
  expect(growth.some(({ groupName }) => groupName === largest)).toBe(true);
});

test('the walks of a snapshot are kept, and agree with its check', async () => {
  const { db } = mirror;
  const found = await findSnapshotByName(db, poolId, second.snapshot);
  const kept = await findWalks(db, second, found?.run ?? null);
  const check = await findCheck(db, poolId, second.snapshotAt);
  const done = kept?.walks.filter(({ state }) => state === 'done') ?? [];
  expect(kept?.total).toBeGreaterThan(16);
  for (const { kind, walks, pages, items } of check?.walks ?? []) {
    const own = done.filter((walk) => walk.kind === kind);
    expect([kind, own.length]).toEqual([kind, walks]);
    expect(own.reduce((sum, walk) => sum + walk.pages, 0)).toBe(pages);
    expect(own.reduce((sum, walk) => sum + walk.items, 0)).toBe(items);
  }
  for (const { takenAt, leftAt, waitedMs, retries, restartedAt } of done) {
    expect([takenAt.length, leftAt.length, retries, restartedAt]).toEqual([1, 1, 0, []]);
    expect(Date.parse(leftAt[0] ?? '')).toBeGreaterThanOrEqual(Date.parse(takenAt[0] ?? ''));
    expect(waitedMs).toBeGreaterThanOrEqual(0);
  }
  const [split] = kept?.walks.filter(({ state }) => state === 'split') ?? [];
  expect(split).toMatchObject({ kind: 'users', prefix: '', pages: 0 });
});

test('what the manifest says in short is kept', async () => {
  const { db } = mirror;
  const found = await findSnapshotByName(db, poolId, second.snapshot);
  const file = join(mirror.archive, second.manifest ?? '');
  const { objects } = JSON.parse(await readFile(file, 'utf8'));
  const { parts = [], signedBy, lock } = found?.run?.archive ?? {};
  expect({ signedBy, lock }).toEqual({ signedBy: null, lock: null });
  const sum = (of: readonly { rows: number; bytes: number }[]) => [
    of.reduce((rows, each) => rows + each.rows, 0),
    of.reduce((bytes, each) => bytes + each.bytes, 0),
  ];
  expect(sum(parts)).toEqual(sum(objects));
  expect(parts.reduce((count, each) => count + each.parts, 0)).toBe(objects.length);
  const destination = found?.run?.destination ?? '';
  expect(await findVerification(db, second, destination)).toBeNull();
  expect(await findNeighbours(db, second)).toEqual({ before: first.snapshot, after: null });
});

test('an interrupted walk keeps when it was left and taken again, also of a discarded snapshot', async () => {
  const { db } = mirror;
  const { lease } = await beginSnapshot(db, poolId);
  const planned = { kind: 'users', prefix: '', groupName: null, expected: null } as const;
  const [walk] = await addWalks(db, lease, [planned]);
  const id = walk?.id as number;
  await leaseWalk(db, lease, id);
  await leaseWalk(db, lease, id);
  const [open] = await listSnapshots(db, poolId, null, 1);
  const row = open as SnapshotRow;
  const found = await findSnapshotByName(db, poolId, row.snapshot);
  const now = await findWalks(db, row, found?.run ?? null);
  expect(now).toMatchObject({ total: 1, walks: [{ id, state: 'open', leftAt: [], pages: 0 }] });
  expect(now?.walks[0]?.takenAt).toHaveLength(2);
  const taken = await takeLease(db, poolId, ['walking']);
  if (taken === null) throw new Error('The snapshot is not walking.');
  await discardSnapshot(db, taken, 'for a test');
  expect(await findWalks(db, { ...row, state: 'discarded' }, null)).toEqual(now);
});

test('an unknown pool or snapshot is none', async () => {
  expect(await findPool(mirror.db, 'us-east-1_Nothing')).toBeNull();
  expect(await findSnapshotByName(mirror.db, poolId, '20200101T000000Z')).toBeNull();
  expect(await findPool(mirror.db, poolId)).toMatchObject({
    poolId,
    latestAt: second.snapshotAt,
    startsAt: first.snapshotAt,
  });
});

// Last, because it deletes rows.
test('a forgotten person is in no count', async () => {
  const { db } = mirror;
  const [person] = await mirror.rows<{ username: string; sub: string }>(
    `SELECT username, sub FROM directory.users WHERE valid_from = $1 AND NOT enabled LIMIT 1`,
    [second.snapshotAt],
  );
  const { username = '', sub = '' } = person ?? {};
  const sum = async (at: Date) =>
    (await listStatusCounts(db, poolId, [at])).reduce((users, each) => users + each.users, 0);
  await transaction(db, (client) =>
    erasePersons(client, poolId, { usernames: [username], subs: [sub] }),
  );
  expect([await sum(first.snapshotAt), await sum(second.snapshotAt)]).toEqual([1_299, 1_294]);
  const now = await listStatusCounts(db, poolId, [second.snapshotAt]);
  expect(byStatus(now)).toEqual(byStatus(await countStatuses(db, poolId)));
});
