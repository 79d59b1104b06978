import { expect, it } from 'vitest';
import { describeSnapshot } from '../../src/cli/display/snapshot-summary.ts';
import { measureWidth } from '../../src/cli/display/text-width.ts';
import type { SnapshotReport } from '../../src/runner/outcome.ts';

const HELD: SnapshotReport = {
  poolId: 'us-east-1_Main',
  snapshot: '20261121T204000Z',
  state: 'held',
  reason:
    '3,000 of 3,000 users would be removed, over the share of 0.1 that MIRROR_MAX_REMOVED_RATIO allows.',
  users: 1_000,
  groups: 6,
  memberships: 1_800,
  added: null,
  modified: null,
  removed: null,
  repaired: 2,
  apiCalls: 1_063,
  throttled: 0,
  retries: 0,
  settings: null,
  settingsUnread: null,
  seconds: 86.4,
  archive: null,
};

it.each([40, 80])('fits %i columns except for commands, and splits no word', (width) => {
  const lines = describeSnapshot({ report: HELD }, width).trimEnd().split('\n');
  const commands = lines.filter((line) => line.startsWith('    '));
  expect(commands).toHaveLength(3);
  for (const line of lines.slice(1)) {
    if (!commands.includes(line)) expect(measureWidth(line)).toBeLessThanOrEqual(width);
  }
  const words = lines.join(' ').split(/ +/);
  expect(words).toEqual(
    expect.arrayContaining(['MIRROR_MAX_REMOVED_RATIO', 'memberships', 'retries)']),
  );
});

it('wraps nothing if the width is unknown', () => {
  const text = describeSnapshot({ report: HELD }, Number.POSITIVE_INFINITY);
  expect(text).toMatch(/^ {2}held: 3,000 of .* allows\.$/m);
  expect(text.trimEnd().split('\n')).toHaveLength(12);
});
