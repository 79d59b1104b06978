import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { startDisplay } from '../../src/cli/display/display.ts';
import { LiveRegion } from '../../src/cli/display/live-region.ts';
import { formatProgress, RateWindow } from '../../src/cli/display/progress-lines.ts';
import { ProgressLog } from '../../src/cli/display/progress-log.ts';
import { measureWidth } from '../../src/cli/display/text-width.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { SnapshotProgress } from '../../src/telemetry/snapshot-progress.ts';
import { FakeTerminal } from './fake-terminal.ts';

const USAGE = { rate: 12.34, allowed: 24 };

function createProgress(poolId = 'us-east-1_Pool'): SnapshotProgress {
  const progress = new SnapshotProgress(poolId);
  progress.key = { poolId, snapshotAt: new Date('2026-11-20T02:00:00Z') };
  progress.phase = 'walk';
  progress.walks.groups = { items: 40, read: 40, expected: 40, walks: 1, walksDone: 1 };
  progress.walks.users = { items: 5_000, read: 5_000, expected: 20_000, walks: 16, walksDone: 2 };
  progress.walks.members = { items: 12, read: 12, expected: null, walks: 40, walksDone: 39 };
  for (let call = 0; call < 1_234; call++) progress.meter.record('ok', 1);
  return progress;
}

function collectLog() {
  const lines: Record<string, unknown>[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
  return { lines, log: createLogger({ level: 'info', destination }) };
}

describe('the progress of a snapshot', () => {
  const rates = () => 1_000;

  test('shows items, expected items and rate of each kind of walk, and no bar without a total', () => {
    expect(formatProgress([createProgress()], rates, USAGE, 79)).toEqual([
      'us-east-1_Pool  20261120T020000Z  reading',
      `  groups   ${'█'.repeat(30)}  40`,
      `  users    ${'█'.repeat(7)}${'░'.repeat(23)}  5,000 / 20,000  1,000/s`,
      `  members  ${' '.repeat(30)}  12 / ?  1,000/s`,
      '  quota 12.3 of 24.0 calls/s  1,234 calls',
    ]);
  });

  test('estimates the time left from all remaining items at the total rate', () => {
    const progress = createProgress();
    const title = () => formatProgress([progress], rates, USAGE, 79)[0];
    progress.walks.members.expected = 5_012;
    expect(title()).toMatch(/reading {2}0:10 left$/);
    // More members were read than expected, so the rest is unknown.
    progress.walks.members.items = 6_000;
    expect(title()).toMatch(/reading$/);
    progress.walks.members.walksDone = 40;
    expect(title()).toMatch(/reading {2}0:15 left$/);
  });

  test('estimates no time before all groups are known', () => {
    const progress = createProgress();
    Object.assign(progress.walks.members, { expected: null, walks: 0, walksDone: 0 });
    const title = () => formatProgress([progress], rates, USAGE, 79)[0];
    expect(title()).toMatch(/reading {2}0:15 left$/);
    progress.walks.groups.walksDone = 0;
    expect(title()).toMatch(/reading$/);
  });

  test('shows that a snapshot was resumed and that calls were throttled', () => {
    const progress = createProgress();
    progress.resumed = true;
    for (let call = 0; call < 3; call++) progress.meter.record('throttled', 1);
    const lines = formatProgress([progress], rates, USAGE, 79);
    expect(lines[0]).toMatch(/reading {2}\(resumed\)$/);
    expect(lines.at(-1)).toMatch(/1,237 calls {2}3 throttled$/);
  });

  test('shows no quota if quotas are off', () => {
    const usage = { rate: 10, allowed: 100_000 };
    const progress = new SnapshotProgress('us-east-1_Pool');
    progress.meter.record('ok', 1);
    expect(formatProgress([progress], rates, usage, 79).at(-1)).toBe('  10.0 calls/s  1 call');
  });

  test('counts confirmed users and archived rows', () => {
    const progress = createProgress();
    progress.phase = 'check';
    expect(formatProgress([progress], rates, USAGE, 79)).toEqual([
      'us-east-1_Pool  20261120T020000Z  checking',
    ]);
    progress.counts = { done: 340, total: 1_000 };
    expect(formatProgress([progress], () => 12, USAGE, 79)).toEqual([
      'us-east-1_Pool  20261120T020000Z  confirming users',
      `  users    ${'█'.repeat(10)}${'░'.repeat(20)}  340 / 1,000  12/s  0:55 left`,
    ]);
    progress.phase = 'archive';
    progress.counts = { done: 60_000, total: 120_000 };
    expect(formatProgress([progress], () => null, USAGE, 79)).toEqual([
      'us-east-1_Pool  20261120T020000Z  archiving',
      `  rows     ${'█'.repeat(15)}${'░'.repeat(15)}  60,000 / 120,000`,
    ]);
    progress.phase = 'done';
    progress.outcome = 'held';
    expect(formatProgress([progress], rates, USAGE, 79)).toEqual([
      'us-east-1_Pool  20261120T020000Z  held',
    ]);
  });

  test('fills a bar only when its walks are done', () => {
    const progress = createProgress();
    Object.assign(progress.walks.users, { items: 30_000, walksDone: 15 });
    const users = formatProgress([progress], rates, USAGE, 79)[2];
    expect(users).toContain('█░  30,000 / 20,000');
    expect(users).not.toContain('left');
  });

  test.each([10, 20, 40, 60, 100])('fits a terminal of %i columns', (width) => {
    for (const line of formatProgress([createProgress()], rates, USAGE, width)) {
      expect(measureWidth(line)).toBeLessThanOrEqual(width);
    }
  });
});

describe('a live region', () => {
  test('is redrawn in place, below other output', () => {
    const terminal = new FakeTerminal(40);
    terminal.write('before\n');
    const region = new LiveRegion(terminal);
    expect(terminal.cursorHidden).toBe(true);
    region.draw(['one', 'two', 'three']);
    region.draw(['1', '2']);
    terminal.write('a log line\n');
    expect(terminal.lines).toEqual(['before', 'a log line', '1', '2']);
    region.draw(['end']);
    region.close();
    region.close();
    terminal.write('after\n');
    expect(terminal.lines).toEqual(['before', 'a log line', 'end', 'after']);
    expect(terminal.cursorHidden).toBe(false);
  });

  test('is cut to the height of the screen', () => {
    const terminal = new FakeTerminal(40);
    terminal.rows = 4;
    const region = new LiveRegion(terminal);
    region.draw(['1', '2', '3', '4', '5']);
    expect(terminal.lines).toEqual(['1', '2', '  … 3 more lines']);
    region.close();
  });

  test('is erased completely if its lines have wrapped', () => {
    const terminal = new FakeTerminal(10);
    const region = new LiveRegion(terminal);
    region.draw(['a'.repeat(15), 'b']);
    expect(terminal.lines).toEqual(['a'.repeat(10), 'a'.repeat(5), 'b']);
    region.draw(['c']);
    expect(terminal.lines).toEqual(['c']);
    region.close();
  });
});

test('a display on a terminal redraws itself and disappears at its end', async () => {
  const terminal = new FakeTerminal(80);
  const progress = createProgress();
  const { log, lines } = collectLog();
  const stop = startDisplay({
    progress: () => [progress],
    usage: () => USAGE,
    stream: terminal,
    log,
  });
  progress.walks.users.items = 7_777;
  await expect.poll(() => terminal.lines[2]).toContain('7,777');
  Object.assign(progress, { phase: 'done', outcome: 'archived' });
  await expect.poll(() => terminal.lines).toEqual(['us-east-1_Pool  20261120T020000Z  archived']);
  stop();
  expect(terminal.lines).toEqual([]);
  expect(lines).toEqual([]);
  await sleep(150);
  expect(terminal.lines).toEqual([]);
});

test('the rate of a phase ignores the previous phase', async () => {
  const terminal = new FakeTerminal(80);
  const progress = createProgress();
  Object.assign(progress, { phase: 'check', counts: { done: 10, total: 1_000 } });
  const { log } = collectLog();
  const usage = () => USAGE;
  const stop = startDisplay({ progress: () => [progress], usage, stream: terminal, log });
  await expect.poll(() => terminal.lines[1]).toContain('10 / 1,000');
  // A rate needs samples of half a second.
  await sleep(700);
  progress.phase = 'archive';
  progress.counts = { done: 60_000, total: 120_000 };
  await expect.poll(() => terminal.lines[1]).toContain('60,000 / 120,000');
  expect(terminal.lines[1]).not.toContain('/s');
  stop();
});

test('without a terminal, a display logs each phase', async () => {
  const progress = createProgress();
  const { log, lines } = collectLog();
  const stream = { isTTY: false, write: () => true };
  const stop = startDisplay({ progress: () => [progress], usage: () => USAGE, stream, log });
  progress.phase = 'publish';
  await expect.poll(() => lines.length).toBe(2);
  progress.phase = 'done';
  stop();
  expect(lines.map(({ msg }) => msg)).toEqual(['reading', 'publishing']);
  expect(lines[0]).toMatchObject({
    poolId: 'us-east-1_Pool',
    users: 5_000,
    usersExpected: 20_000,
    members: 12,
    apiCalls: 1_234,
    callsPerSecond: 12.3,
  });
});

test('the rate of a resumed snapshot counts only items that this run read', async () => {
  const terminal = new FakeTerminal(80);
  const progress = createProgress();
  Object.assign(progress.walks.users, { items: 0, read: 0 });
  const { log } = collectLog();
  const usage = () => USAGE;
  const stop = startDisplay({ progress: () => [progress], usage, stream: terminal, log });
  // The plan finds the items of the previous run.
  progress.walks.users.items = 9_300;
  await expect.poll(() => terminal.lines[2]).toContain('9,300 / 20,000  0/s');
  stop();
});

test('the log counts confirmed users and archived rows', () => {
  const { log, lines } = collectLog();
  const progressLog = new ProgressLog(log);
  const progress = createProgress();
  progress.phase = 'check';
  progress.counts = { done: 340, total: 1_000 };
  progressLog.update([progress], USAGE, 0);
  progress.phase = 'archive';
  progress.counts = { done: 60_000, total: 120_000 };
  progressLog.update([progress], USAGE, 100);
  expect(lines).toEqual([
    expect.objectContaining({ msg: 'checking', confirmedUsers: 340, usersToConfirm: 1_000 }),
    expect.objectContaining({ msg: 'archiving', archivedRows: 60_000, rowsToArchive: 120_000 }),
  ]);
});

test('a phase that continues is logged every five seconds, and its end is not logged', () => {
  const { log, lines } = collectLog();
  const progressLog = new ProgressLog(log);
  const progress = createProgress();
  for (const now of [0, 100, 4_999, 5_000, 9_000, 10_000])
    progressLog.update([progress], USAGE, now);
  expect(lines).toHaveLength(3);
  progress.phase = 'done';
  for (const now of [10_100, 60_000]) progressLog.update([progress], USAGE, now);
  expect(lines).toHaveLength(3);
});

test('a rate covers the last ten seconds and is unknown at first', () => {
  const window = new RateWindow();
  expect(window.add(0, 0)).toBeNull();
  expect(window.add(100, 50)).toBeNull();
  expect(window.add(1_000, 500)).toBe(500);
  for (let second = 2; second <= 30; second += 1) window.add(second * 1_000, 500);
  expect(window.add(31_000, 500)).toBe(0);
});

test('a rate restarts when its count falls', () => {
  const window = new RateWindow();
  window.add(0, 900);
  expect(window.add(1_000, 1_000)).toBe(100);
  expect(window.add(2_000, 0)).toBeNull();
  expect(window.add(3_000, 12)).toBe(12);
});
