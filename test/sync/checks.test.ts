import { afterEach, beforeEach, expect, it } from 'vitest';
import { openTestMirror, type TestMirror } from '../support/mirror.ts';

let mirror: TestMirror;

beforeEach(async () => {
  mirror = await openTestMirror({ users: 500, groups: 5, seed: 43 });
});
afterEach(() => mirror.close());

/** The evidence of the newest snapshot. */
async function readCheck(): Promise<Record<string, unknown>> {
  const rows = await mirror.rows(
    'SELECT * FROM directory.snapshot_checks ORDER BY snapshot_at DESC LIMIT 1',
  );
  return rows[0] as Record<string, unknown>;
}

const countMemberships = () => [...mirror.pool.memberships()].length;

it('keeps the evidence of a reading: walks, pages and the estimate of the service', async () => {
  mirror.pool.estimatedUsers = 490;
  await mirror.sync();
  const memberships = countMemberships();
  expect(await readCheck()).toMatchObject({
    estimated_users: 490,
    single_chain: false,
    walks: [
      { kind: 'groups', walks: 1, pages: 1, items: 5, restarts: 0 },
      { kind: 'users', walks: 1, items: 500, restarts: 0, pages: expect.any(Number) },
      { kind: 'members', walks: 5, items: memberships, restarts: 0, pages: expect.any(Number) },
    ],
    missing_users: 0,
    asked_users: 0,
    kept_users: 0,
    removals: [
      { dataset: 'users', rows: 0, removed: 0 },
      { dataset: 'groups', rows: 0, removed: 0 },
      { dataset: 'memberships', rows: 0, removed: 0 },
    ],
    max_removed_ratio: 1,
    objection: null,
  });
});

it('keeps how many missing users were confirmed, and why a snapshot was held', async () => {
  await mirror.sync();
  const gone = [...mirror.pool.users()].slice(0, 60);
  for (const { username } of gone) mirror.pool.deleteUser(username);
  const { report } = await mirror.sync({ maxRemoved: 0.1 });
  expect(report.state).toBe('held');
  const check = await readCheck();
  expect(check).toMatchObject({
    missing_users: 60,
    asked_users: 60,
    kept_users: 0,
    max_removed_ratio: 0.1,
    objection: report.reason,
  });
  expect(check['removals']).toContainEqual({ dataset: 'users', rows: 500, removed: 60 });
});
