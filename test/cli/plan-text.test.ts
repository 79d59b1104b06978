import { expect, test } from 'vitest';
import { formatPlans } from '../../src/cli/display/plan-text.ts';
import { measureWidth } from '../../src/cli/display/text-width.ts';
import { estimate, type KnownOfPool } from '../../src/estimate/estimate.ts';
import type { PoolPlan } from '../../src/estimate/plan-pools.ts';

const WIDE = Number.POSITIVE_INFINITY;

function planOf(known: Partial<KnownOfPool> = {}): PoolPlan {
  const estimated = estimate({
    estimatedUsers: 1_000_000,
    groups: { names: [], calls: 1, seconds: 0.2 },
    last: null,
    archive: null,
    formats: ['parquet'],
    callsASecond: 24,
    mfa: null,
    answerSeconds: 0.2,
    ...known,
  });
  return { poolId: 'us-east-1_A', accountId: '111122223333', region: 'us-east-1', ...estimated };
}

/** A pool with one group of all users. */
const everyone = {
  groups: { names: ['everyone'], calls: 1, seconds: 0.2 },
  last: {
    snapshot: '20261120T020000Z',
    users: 1_000_000,
    members: new Map([['everyone', 1_000_000]]),
    changes: { users: 1, groups: 0, memberships: 0 },
    removed: 0,
    calls: 0,
  },
};

test('a plan shows whether the quota or the longest list limits reading', () => {
  const quota = formatPlans([planOf()], 0, WIDE);
  expect(quota).toContain(
    ' reading is limited by the share of the quota: 24 calls per second: 11:41\n',
  );
  expect(quota).toMatch(/ the longest list takes 68 pages in sequence, 200 ms each .*: 0:14\n/);
  const chain = formatPlans([planOf({ ...everyone, callsASecond: 60 })], 0, WIDE);
  expect(chain).toMatch(/ reading is limited by the longest list: 16,667 pages .*: 55:34\n/);
  expect(chain).toContain(' the share of the quota allows 60 calls per second: 9:18\n');
});

test('a plan is wrapped to the width of the terminal, aligned with its values', () => {
  const lines = formatPlans([planOf(), planOf(everyone)], 60, 60)
    .trimEnd()
    .split('\n');
  for (const line of lines) expect(measureWidth(line)).toBeLessThanOrEqual(60);
  // Wrapped lines are aligned with the values.
  for (const line of lines.slice(1, lines.indexOf('')))
    expect(line).toMatch(/^( {2}[a-z]+ +| {15})\S/);
});

test('the values of pools with new groups are minimums, and so is their sum', () => {
  const unknown = planOf({ groups: { names: ['new'], calls: 1, seconds: 0 } });
  const text = formatPlans([planOf(), unknown], 1500, WIDE);
  const [known = '', least = '', all] = text.split('\n\n');
  expect(known).not.toContain('at least');
  for (const label of ['calls', 'time', 'database', 'archive']) {
    expect(least).toMatch(new RegExp(`^  ${label} +at least `, 'm'));
  }
  expect(least).toContain('the members of 1 new group are unknown');
  expect(all).toMatch(/^All 2 pools: at least [\d,]+ calls, 25:00\. /);
});
