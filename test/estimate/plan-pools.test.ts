import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { openDestination } from '../../src/archive/open-destination.ts';
import { computeTotalSeconds, type PoolPlan, planPools } from '../../src/estimate/plan-pools.ts';
import { localAccountBuckets } from '../../src/quota/account-buckets.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { openTestMirror, type TestMirror } from '../support/mirror.ts';
import { privacyOf } from '../support/privacy.ts';

const SHARES = { share: 1, userListRps: 1e6 };

let mirror: TestMirror;
afterEach(() => mirror.close());

async function plan(): Promise<PoolPlan> {
  const buckets = localAccountBuckets({ of: () => SHARES, leastShare: () => SHARES.share });
  const destination = await openDestination(pathToFileURL(mirror.archive).href);
  const parts = {
    db: mirror.db,
    poolDeps: async () => ({
      access: { role: null },
      region: 'us-east-1',
      destination,
      maxRemoved: 1,
      mfaBudget: null,
      archiveLock: null,
      privacy: privacyOf(mirror.pool.settings.id),
      secrets: null,
    }),
    formats: ['parquet', 'jsonl'] as const,
    buckets,
    log: createLogger({ level: 'silent' }),
  };
  const poolIds = [mirror.pool.settings.id];
  try {
    const [outcome] = await planPools(parts, poolIds, new AbortController().signal);
    if (outcome?.error) throw outcome.error;
    return outcome?.plan as PoolPlan;
  } finally {
    await buckets.close();
  }
}

/** Plans a snapshot, takes it, and gives both. */
async function planAndTake() {
  const planned = await plan();
  const { report } = await mirror.sync();
  expect(report.state).toBe('archived');
  return { planned, report };
}

/** Expects the planned calls to be those that were made: to five in a hundred, or three. */
function expectClose(planned: number, made: number): void {
  expect(Math.abs(planned - made), `${planned} planned, ${made} made`).toBeLessThanOrEqual(
    Math.max(3, made * 0.05),
  );
}

describe('the plan of a first snapshot', () => {
  it.each([0, 50, 3000, 30_000])(
    'of %i users without groups has the calls that sync then makes',
    async (users) => {
      mirror = await openTestMirror({ users, groups: 0 });
      const { planned, report } = await planAndTake();
      expect(planned).toMatchObject({ lastSnapshot: null, users, groups: 0, memberships: 0 });
      expectClose(planned.calls.total, report.apiCalls);
    },
  );

  it('with groups has the minimum', async () => {
    mirror = await openTestMirror({ users: 3000, groups: 70 });
    const { planned, report } = await planAndTake();
    expect(planned).toMatchObject({ memberships: null, unknownGroups: 70 });
    expect(planned.calls).toMatchObject({ listGroups: 2, listUsersInGroup: 70 });
    expect(planned.calls.total).toBeLessThan(report.apiCalls);
  });
});

describe('the plan of a later snapshot', () => {
  it.each([
    [0, 0, 1],
    [50, 3, 1],
    [3000, 70, 1],
    [3000, 20, 0.4],
    [30_000, 50, 1],
  ])(
    'of %i users in %i groups, with pages filled to %f, has the calls that sync then makes',
    async (users, groups, pageFill) => {
      mirror = await openTestMirror({ users, groups, pageFill });
      await mirror.sync();
      const { planned, report } = await planAndTake();
      const { memberships } = report;
      expect(planned).toMatchObject({ users, groups, memberships, unknownGroups: 0 });
      expectClose(planned.calls.total, report.apiCalls);
      // Nothing changed, so the archive is as large as the last, except for the frames of empty parts.
      expect(Math.abs(planned.archive.bytes - (report.archive?.bytes ?? 0))).toBeLessThan(1500);
    },
  );

  it('does not count retries as pages', async () => {
    mirror = await openTestMirror({ users: 1500, groups: 5, faults: { throttle: 0.2 } });
    const first = await mirror.sync();
    expect(first.report.retries).toBeGreaterThan(0);
    const { apiCalls, retries } = first.report;
    expectClose((await plan()).calls.total, apiCalls - retries);
  });

  it('knows changes after two snapshots, and groups that were added since', async () => {
    mirror = await openTestMirror({ users: 200, groups: 4 });
    await mirror.sync();
    expect(await plan()).toMatchObject({ changedRows: null, databaseBytes: null });
    mirror.pool.createUser({ username: 'one' });
    mirror.pool.createUser({ username: 'two' });
    mirror.pool.createGroup('newcomers');
    mirror.pool.addToGroup('one', 'newcomers');
    const [gone] = [...mirror.pool.users()];
    mirror.pool.deleteUser(gone?.username ?? '');
    const { report } = await mirror.sync();
    mirror.pool.createGroup('unheard-of');
    const changes = await mirror.rows<{ entity: string; rows: number }>(
      'SELECT entity, count(*) AS rows FROM directory.changes GROUP BY entity',
    );
    expect(changes).toHaveLength(3);
    expect(await plan()).toMatchObject({
      lastSnapshot: report.snapshot,
      groups: 6,
      memberships: report.memberships,
      unknownGroups: 1,
      changedRows: changes.reduce((sum, { rows }) => sum + rows, 0),
    });
  });

  it('uses the last published snapshot, not a held one', async () => {
    mirror = await openTestMirror({ users: 200, groups: 4 });
    const { report } = await mirror.sync();
    for (const { username } of [...mirror.pool.users()].slice(0, 30)) {
      mirror.pool.deleteUser(username);
    }
    expect((await mirror.sync({ maxRemoved: 0.1 })).report.state).toBe('held');
    expect(await plan()).toMatchObject({ lastSnapshot: report.snapshot, users: 200 });
  });
});

describe('several plans', () => {
  it('add up the times of pools that share a quota; others run side by side', async () => {
    mirror = await openTestMirror({ users: 10, groups: 1 });
    const planned = await plan();
    const of = (accountId: string, region: string, total: number): PoolPlan => ({
      ...{ ...planned, accountId, region },
      seconds: { ...planned.seconds, total },
    });
    const all = [of('1', 'a', 10), of('1', 'b', 25), of('2', 'a', 5), of('1', 'a', 20)];
    expect(computeTotalSeconds(all)).toBe(30);
    expect(computeTotalSeconds([])).toBe(0);
  });
});
