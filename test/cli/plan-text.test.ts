import { expect, test } from 'vitest';
import { planText } from '../../src/cli/display/plan-text.ts';
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
    answerSeconds: 0.2,
    ...known,
  });
  return { poolId: 'us-east-1_A', accountId: '111122223333', region: 'us-east-1', ...estimated };
}

/** A pool of which one group has everyone. */
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

test('a plan says which of quota and longest list sets the time of reading', () => {
  const quota = planText([planOf()], 0, WIDE);
  expect(quota).toContain(' reading is set by the share of the quota, 24 calls a second: 11:41\n');
  expect(quota).toMatch(/ the longest list takes 68 pages .* answered in 200 ms .*: 0:14\n/);
  const chain = planText([planOf({ ...everyone, callsASecond: 60 })], 0, WIDE);
  expect(chain).toMatch(/ reading is set by the longest list, 16,667 pages .*: 55:34\n/);
  expect(chain).toContain(' the share of the quota would allow 60 calls a second: 9:18\n');
});

test('a plan is broken to the width of the terminal, below its figures', () => {
  const lines = planText([planOf(), planOf(everyone)], 60, 60)
    .trimEnd()
    .split('\n');
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(60);
  // Lines that go on stand below the figures.
  for (const line of lines.slice(1, 20)) expect(line).toMatch(/^( {2}[a-z]+ +| {15})\S/);
});

test('the figures of pools with new groups are the least, and so is their sum', () => {
  const unknown = planOf({ groups: { names: ['new'], calls: 1, seconds: 0 } });
  const text = planText([planOf(), unknown], 1500, WIDE);
  const [known = '', least = '', all] = text.split('\n\n');
  expect(known).not.toContain('at least');
  for (const label of ['calls', 'time', 'database', 'archive']) {
    expect(least).toMatch(new RegExp(`^  ${label} +at least `, 'm'));
  }
  expect(least).toContain('those of 1 group new to the mirror are unknown');
  expect(all).toMatch(/^All 2 pools: at least [\d,]+ calls, 25:00; /);
});
