import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { startDisplay } from '../../src/cli/display/display.ts';
import { formatCount, formatDuration } from '../../src/cli/display/format.ts';
import { LiveRegion } from '../../src/cli/display/live-region.ts';
import { progressLines } from '../../src/cli/display/progress-lines.ts';
import { ProgressLog } from '../../src/cli/display/progress-log.ts';
import { RateWindow } from '../../src/cli/display/rate-window.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { SnapshotProgress } from '../../src/telemetry/snapshot-progress.ts';
import { FakeTerminal } from './fake-terminal.ts';

const USAGE = { rate: 12.34, allowed: 24 };

function walking(poolId = 'us-east-1_Pool'): SnapshotProgress {
  const progress = new SnapshotProgress(poolId);
  progress.key = { poolId, snapshotAt: new Date('2026-11-20T02:00:00Z') };
  progress.phase = 'walk';
  progress.walks.groups = { items: 40, expected: 40, walks: 1, walksDone: 1 };
  progress.walks.users = { items: 5_000, expected: 20_000, walks: 16, walksDone: 2 };
  progress.walks.members = { items: 12, expected: null, walks: 40, walksDone: 0 };
  for (let call = 0; call < 1_234; call++) progress.meter.record('ok', 1);
  return progress;
}

function collectLog() {
  const lines: Record<string, unknown>[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
  return { lines, log: createLogger({ level: 'info', destination }) };
}

describe('the lines of a snapshot', () => {
  const rates = () => 1_000;

  test('show each kind of walk with what is done, expected, the rate and the time left', () => {
    expect(progressLines([walking()], rates, USAGE, 79)).toEqual([
      'us-east-1_Pool  20261120T020000Z  reading',
      `  groups   ${'█'.repeat(30)}  40`,
      `  users    ${'█'.repeat(7)}${'░'.repeat(23)}  5,000 / 20,000  1,000/s  0:15 left`,
      `  members  ${'░'.repeat(30)}  12  1,000/s`,
      '  quota 12.3 of 24.0 calls/s  1,234 calls',
    ]);
  });

  test('say what a snapshot waits for, that it was resumed, and that calls were throttled', () => {
    const progress = walking();
    progress.resumed = true;
    for (let call = 0; call < 3; call++) progress.meter.record('throttled', 1);
    progress.note = 'Waiting \u001b[2Jfor the service.';
    const lines = progressLines([progress], rates, USAGE, 79);
    expect(lines[0]).toMatch(/reading {2}\(resumed\)$/);
    expect(lines.at(-2)).toBe('  Waiting \\u001b[2Jfor the service.');
    expect(lines.at(-1)).toMatch(/3 throttled$/);
  });

  test('follow the later phases in one line', () => {
    const progress = walking();
    progress.phase = 'archive';
    progress.archivedRows = 60_000;
    expect(progressLines([progress], rates, USAGE, 79)).toEqual([
      'us-east-1_Pool  20261120T020000Z  archiving  60,000 rows written',
    ]);
  });

  test('are full only when the walks have ended, whatever was expected', () => {
    const progress = walking();
    progress.walks.users = { items: 30_000, expected: 20_000, walks: 16, walksDone: 15 };
    const users = progressLines([progress], rates, USAGE, 79)[2];
    expect(users).toContain('█░  30,000 / 20,000');
    expect(users).not.toContain('left');
  });

  test.each([10, 20, 40, 60, 100])('fit a terminal of %i columns', (width) => {
    for (const line of progressLines([walking()], rates, USAGE, width)) {
      expect(line.length).toBeLessThanOrEqual(width);
    }
  });
});

describe('a live region', () => {
  test('is drawn in place, and what else is written appears above it', () => {
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
    expect(terminal.lines).toEqual(['1', '2', '  …']);
    region.close();
  });

  test('is erased whole where its lines have wrapped', () => {
    const terminal = new FakeTerminal(10);
    const region = new LiveRegion(terminal);
    region.draw(['a'.repeat(15), 'b']);
    expect(terminal.lines).toEqual(['a'.repeat(10), 'a'.repeat(5), 'b']);
    region.draw(['c']);
    expect(terminal.lines).toEqual(['c']);
    region.close();
  });
});

test('a display on a terminal redraws by itself and leaves the last state', async () => {
  const terminal = new FakeTerminal(80);
  const progress = walking();
  const { log, lines } = collectLog();
  const stop = startDisplay({
    progress: () => [progress],
    usage: () => USAGE,
    stream: terminal,
    log,
  });
  progress.walks.users.items = 7_777;
  await expect.poll(() => terminal.lines[2]).toContain('7,777');
  progress.phase = 'done';
  stop();
  expect(terminal.lines).toEqual(['us-east-1_Pool  20261120T020000Z  done']);
  expect(lines).toEqual([]);
  await sleep(150);
  expect(terminal.lines).toHaveLength(1);
});

test('elsewhere a display logs each phase', async () => {
  const progress = walking();
  const { log, lines } = collectLog();
  const stream = { isTTY: false, write: () => true };
  const stop = startDisplay({ progress: () => [progress], usage: () => USAGE, stream, log });
  progress.phase = 'publish';
  await expect.poll(() => lines.length).toBe(2);
  progress.phase = 'done';
  stop();
  expect(lines.map(({ msg }) => msg)).toEqual(['reading the pool', 'publishing', 'snapshot done']);
  expect(lines[0]).toMatchObject({
    poolId: 'us-east-1_Pool',
    users: 5_000,
    usersExpected: 20_000,
    members: 12,
    apiCalls: 1_234,
    callsPerSecond: 12.3,
  });
});

test('a phase that goes on is logged every five seconds, its end once', () => {
  const { log, lines } = collectLog();
  const progressLog = new ProgressLog(log);
  const progress = walking();
  for (const now of [0, 100, 4_999, 5_000, 9_000, 10_000]) progressLog.tell([progress], USAGE, now);
  expect(lines).toHaveLength(3);
  progress.phase = 'done';
  for (const now of [10_100, 60_000]) progressLog.tell([progress], USAGE, now);
  expect(lines).toHaveLength(4);
});

test('a rate is that of the last ten seconds, and unknown at first', () => {
  const window = new RateWindow();
  expect(window.add(0, 0)).toBeNull();
  expect(window.add(100, 50)).toBeNull();
  expect(window.add(1_000, 500)).toBe(500);
  for (let second = 2; second <= 30; second += 1) window.add(second * 1_000, 500);
  expect(window.add(31_000, 500)).toBe(0);
});

test.each([
  [0, '0:00'],
  [61.4, '1:01'],
  [3_600, '1:00:00'],
  [22_320, '6:12:00'],
])('%d seconds are shown as %s', (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text);
});

test('counts have their thousands apart', () => {
  expect(formatCount(1_234_567.8)).toBe('1,234,568');
});
