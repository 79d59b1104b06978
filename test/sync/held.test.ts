import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ActionRequiredError,
  LeaseLostError,
  SnapshotFailedError,
} from '../../src/model/errors.ts';
import { discard } from '../../src/runner/held.ts';
import type { SnapshotReport } from '../../src/runner/outcome.ts';
import { expectMirrored } from '../support/directory.ts';
import { openTestMirror, type TestMirror } from '../support/mirror.ts';
import { keyOf, release } from '../support/release.ts';

let mirror: TestMirror;

beforeEach(async () => {
  mirror = await openTestMirror({ users: 500, groups: 5, seed: 41 });
});
afterEach(() => mirror.close());

const guarded = { maxRemoved: 0.1 };

function deleteUsers(count: number): void {
  for (const { username } of [...mirror.pool.users()].slice(0, count)) {
    mirror.pool.deleteUser(username);
  }
}

async function hold(): Promise<SnapshotReport> {
  await mirror.sync();
  deleteUsers(52);
  const { report, error } = await mirror.sync(guarded);
  expect(error).toBeNull();
  expect(report.state).toBe('held');
  return report;
}

describe('the removal guard', () => {
  it('holds a snapshot that removes more than the ratio, and says how much', async () => {
    const report = await hold();
    expect(report.reason).toMatch(/^52 of 500 users would be removed/);
    expect(await mirror.rows('SELECT count(*) FROM directory.users')).toEqual([{ count: 500 }]);
    expect(report.archive).toBeNull();
  });

  it('passes a snapshot that removes at most 50 rows, at any ratio', async () => {
    await mirror.sync();
    deleteUsers(20);
    const { report } = await mirror.sync({ maxRemoved: 0 });
    expect(report).toMatchObject({ state: 'archived', removed: 20 });
  });

  it('holds a first snapshot that is far below the estimate', async () => {
    mirror.pool.estimatedUsers = 1501;
    const { report } = await mirror.sync();
    expect(report).toMatchObject({
      state: 'held',
      reason:
        '500 users were read, but the service estimates 1,501. ' +
        'The estimate can be old: publish this if the number is right.',
    });
    mirror.pool.estimatedUsers = 1500;
    expect((await mirror.sync()).report.state).toBe('archived');
  });

  it('holds a snapshot whose listing lost users that are alive', async () => {
    await mirror.sync();
    const gone = [...mirror.pool.users()].slice(0, 20).map((user) => user.username);
    for (const { groupName, username } of mirror.pool.memberships()) {
      if (gone.includes(username)) mirror.pool.removeFromGroup(username, groupName);
    }
    mirror.proxy.after = ({ operation }, answer) => {
      if (operation !== 'ListUsers') return answer;
      const users = answer['Users'] as { Username: string }[];
      return { ...answer, Users: users.filter((user) => !gone.includes(user.Username)) };
    };
    const { report } = await mirror.sync();
    expect(report.state).toBe('held');
    expect(report.reason).toMatch(/^20 of 20 missing users exist/);
  });
});

describe('a held snapshot', () => {
  it('is published and archived when it is released', async () => {
    const held = await hold();
    const report = await release(mirror, held);
    expect(report).toMatchObject({ state: 'archived', reason: null, removed: 52, users: 448 });
    await expectMirrored(mirror.db, mirror.pool);
    await expect(release(mirror, held)).rejects.toThrow(/this snapshot is archived, not held/);
  });

  it('leaves the current state unchanged when it is discarded', async () => {
    const held = await hold();
    expect(await discard(mirror.db, keyOf(held))).toMatchObject({
      state: 'discarded',
      reason: expect.stringMatching(/^Discarded by a person; it was held: 52 of 500 users/),
    });
    expect(await mirror.rows('SELECT count(*) FROM directory.users')).toEqual([{ count: 500 }]);
    await expect(discard(mirror.db, keyOf(held))).rejects.toThrow(ActionRequiredError);
  });

  it('is discarded by the next run', async () => {
    const held = await hold();
    expect((await mirror.sync()).report).toMatchObject({ state: 'archived', removed: 52 });
    const [row] = await mirror.rows('SELECT state FROM directory.snapshots WHERE snapshot = $1', [
      held.snapshot,
    ]);
    expect(row).toEqual({ state: 'discarded' });
    await expect(release(mirror, held)).rejects.toThrow(/this snapshot is discarded, not held/);
  });

  it('cannot be released after a later snapshot was published', async () => {
    const held = await hold();
    await mirror.rows(
      `INSERT INTO directory.snapshots (pool_id, snapshot, snapshot_at, state)
       VALUES ($1, 'later', $2::timestamptz + interval '1 hour', 'published')`,
      [held.poolId, keyOf(held).snapshotAt],
    );
    await expect(release(mirror, held)).rejects.toThrow(SnapshotFailedError);
  });
});

describe('a snapshot that is still being read', () => {
  it('can be discarded, and the process that reads it stops', async () => {
    const giveUp = async () => {
      const [row] = await mirror.rows<{ at: Date }>(
        'SELECT snapshot_at AS at FROM directory.snapshots',
      );
      return discard(mirror.db, {
        poolId: mirror.pool.settings.id,
        snapshotAt: row?.at as Date,
      });
    };
    let discarded: Promise<SnapshotReport> | undefined;
    mirror.proxy.before = async ({ operation }) => {
      if (operation !== 'ListUsers') return;
      discarded ??= giveUp();
      await discarded;
    };
    const { report, error } = await mirror.sync();
    expect(error).toBeInstanceOf(LeaseLostError);
    expect(report.state).toBe('discarded');
    expect(await discarded).toMatchObject({ state: 'discarded', reason: 'Discarded by a person.' });
    mirror.proxy.before = () => undefined;
    expect((await mirror.sync()).report.state).toBe('archived');
  });
});
