import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openPool } from '../../src/postgres/connection.ts';
import { selectChanges } from '../../src/postgres/store/snapshot-changes.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

let database: TestDatabase;
let db: pg.Pool;

const POOL = 'eu-west-1_Planned1';

/** Enough rows for the planner to choose as it does for a million. */
const USERS = 20_000;

/** A pool of which a twentieth changed in a second snapshot: its users, and who is in which group. */
beforeAll(async () => {
  database = await createTestDatabase();
  db = openPool(database.url, 1);
  const [first, second] = ["'2026-11-01T02:00:00Z'", "'2026-11-02T02:00:00Z'"];
  const content = `jsonb_build_object('email', n || '@example.com', 'email_verified', 'true',
    'custom:plan', n % 5, 'identities', '[{"userId":"' || n || '","providerName":"Google"}]')`;
  await db.query(`
    INSERT INTO directory.snapshots (pool_id, snapshot, snapshot_at, state) VALUES
      ('${POOL}', '20261101T020000Z', ${first}, 'archived'),
      ('${POOL}', '20261102T020000Z', ${second}, 'archived');
    INSERT INTO directory.users (pool_id, username, sub, status, enabled, created_at, attributes, escaped, valid_from)
      SELECT '${POOL}', 'user-' || n, 'sub-' || n, 'CONFIRMED', true, now(), ${content}, '{}',
        CASE WHEN n % 20 = 0 THEN ${second} ELSE ${first} END::timestamptz
      FROM generate_series(1, ${USERS}) AS n;
    INSERT INTO directory.user_history (pool_id, username, sub, status, enabled, created_at, attributes, escaped, valid_from, valid_to)
      SELECT '${POOL}', 'user-' || n, 'sub-' || n, 'UNCONFIRMED', true, now(), ${content}, '{}', ${first}, ${second}
      FROM generate_series(20, ${USERS}, 20) AS n;
    INSERT INTO directory.memberships (pool_id, group_name, username, sub, valid_from)
      SELECT '${POOL}', 'group-' || g, 'user-' || n, 'sub-' || n, ${first}
      FROM generate_series(1, ${USERS}) AS n, generate_series(1, 2) AS g;
    INSERT INTO directory.membership_history (pool_id, group_name, username, sub, valid_from, valid_to)
      SELECT '${POOL}', 'group-3', 'user-' || n, 'sub-' || n, ${first}, ${second}
      FROM generate_series(1, ${USERS}, 20) AS n;
    ANALYZE directory.snapshots, directory.users, directory.user_history, directory.memberships, directory.membership_history`);
}, 60_000);
afterAll(async () => {
  await db?.end();
  await database?.drop();
});

/** A node of a plan, as EXPLAIN (FORMAT JSON) gives it. */
interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Parent Relationship'?: string;
  readonly 'Relation Name'?: string;
  readonly 'Plan Rows': number;
  readonly 'Index Cond'?: string;
  readonly Plans?: readonly PlanNode[];
}

async function explain(sql: string): Promise<PlanNode> {
  const { rows } = await db.query(`EXPLAIN (FORMAT JSON) ${sql}`);
  return rows[0]['QUERY PLAN'][0].Plan;
}

const nodesOf = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)];

const LARGE = ['users', 'user_history', 'memberships', 'membership_history'];
const isLarge = (node: PlanNode) => LARGE.includes(node['Relation Name'] ?? '');

/** True if a node finds its rows by a condition of an index. */
const isLookup = (node: PlanNode) =>
  node['Index Cond'] !== undefined || node['Node Type'] === 'Bitmap Heap Scan';

/** The scans of large tables that run again for each row of something else. */
function repeatedScans(plan: PlanNode): PlanNode[] {
  const repeated = nodesOf(plan).flatMap((node) => {
    const related = (how: string) =>
      node.Plans?.filter((each) => each['Parent Relationship'] === how) ?? [];
    const [outer] = related('Outer');
    // The start of one pool's history is one row.
    const isOnce = outer?.['Plan Rows'] === 1 && !nodesOf(outer).some(isLarge);
    const isLoop = node['Node Type'] === 'Nested Loop' && !isOnce;
    return [...(isLoop ? related('Inner') : []), ...related('SubPlan')];
  });
  return repeated.flatMap(nodesOf).filter((node) => isLarge(node) && !isLookup(node));
}

/** How often each view reads a large table from end to end at most. */
const VIEWS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  users_by_status: { users: 1 },
  users_by_domain: { users: 1 },
  users_by_provider: { users: 1 },
  users_by_day: { users: 1 },
  // Versions that begin, those that end, and the versions on their other side.
  changes_by_day: { users: 2, user_history: 4 },
  group_sizes: { memberships: 1, membership_history: 2 },
  users_in_no_group: { users: 1, memberships: 1 },
  users_in_several_groups: { memberships: 1 },
  duplicate_emails: { users: 1 },
  linked_profiles: { users: 2 },
  unconfirmed_users: { users: 1 },
  custom_attributes: { users: 1 },
  replaced_users: { users: 1, user_history: 2 },
  users_by_mfa: { users: 1 },
  users_without_mfa: { users: 1 },
};

describe.each(Object.entries(VIEWS))('the plan of %s', (view, scans) => {
  test('reads each table at most once for each use, and again only by an index', async () => {
    for (const where of ['', `WHERE pool_id = '${POOL}'`]) {
      const plan = await explain(`SELECT * FROM directory.${view} ${where}`);
      expect(repeatedScans(plan)).toEqual([]);
      for (const table of LARGE) {
        const read = nodesOf(plan).filter((node) => node['Relation Name'] === table);
        expect([table, read.length <= (scans[table] ?? 0)]).toEqual([table, true]);
      }
    }
  });
});

test.each([
  'users_in_no_group',
  'users_in_several_groups',
  'linked_profiles',
  'unconfirmed_users',
  'custom_attributes',
  'replaced_users',
  'users_without_mfa',
])('the plan of %s uses indexes for one user', async (view) => {
  const plan = await explain(
    `SELECT * FROM directory.${view} WHERE pool_id = '${POOL}' AND username = 'user-7'`,
  );
  const read = nodesOf(plan).filter(isLarge);
  expect(read.length).toBeGreaterThan(0);
  expect(read.filter((node) => !isLookup(node))).toEqual([]);
});

test.each(['users', 'memberships'] as const)(
  'the changes of %s between two snapshots are found by an index',
  async (dataset) => {
    const [from, to] = [
      "'2026-11-01T02:00:00Z'::timestamptz",
      "'2026-11-02T02:00:00Z'::timestamptz",
    ];
    const span = { pool: `'${POOL}'`, from, to };
    const plan = await explain(selectChanges(dataset, span, '20261101T020000Z'));
    // All closed versions of this pool are among them.
    const read = nodesOf(plan).filter((node) => node['Relation Name'] === dataset);
    expect(read.length).toBeGreaterThan(0);
    expect(read.filter((node) => !isLookup(node))).toEqual([]);
    expect(repeatedScans(plan)).toEqual([]);
  },
);
