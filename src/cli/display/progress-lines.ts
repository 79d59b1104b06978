import { snapshotId } from '../../model/snapshot.ts';
import { printable } from '../../telemetry/printable.ts';
import {
  type Phase,
  type SnapshotProgress,
  WALK_KINDS,
  type WalkKind,
  type WalkTally,
} from '../../telemetry/snapshot-progress.ts';
import { cut } from './fit.ts';
import { formatCount, formatDuration } from './format.ts';

/** Attempts a second at the lists' bucket: now, and at most. */
export interface Usage {
  readonly rate: number;
  readonly allowed: number;
}

/** Items a second of one kind of walk of one pool, null while unknown. */
export type Rates = (poolId: string, kind: WalkKind) => number | null;

const PHASES: Readonly<Record<Phase, string>> = {
  plan: 'planning',
  walk: 'reading',
  check: 'checking',
  publish: 'publishing',
  archive: 'archiving',
  done: 'done',
};

const MAX_BAR = 30;
const MIN_BAR = 5;
const LABEL = '  members  '.length;

/**
 * The lines that show where the snapshots stand, none wider than `width`: a line for a pool, bars
 * for its kinds of walk while it is read, and the quota's use last.
 */
export function progressLines(
  snapshots: readonly SnapshotProgress[],
  rates: Rates,
  usage: Usage,
  width: number,
): string[] {
  const lines = snapshots.flatMap((snapshot) => poolLines(snapshot, rates, width));
  if (snapshots.some(({ phase }) => phase === 'plan' || phase === 'walk')) {
    lines.push(usageLine(snapshots, usage));
  }
  return lines.map((line) => cut(line, width));
}

function poolLines(snapshot: SnapshotProgress, rates: Rates, width: number): string[] {
  const { poolId, phase } = snapshot;
  const title = [printable(poolId)];
  if (snapshot.key !== null) title.push(snapshotId(snapshot.key.snapshotAt));
  title.push(PHASES[phase]);
  if (phase === 'archive') title.push(`${formatCount(snapshot.archivedRows)} rows written`);
  if (snapshot.resumed && phase !== 'done') title.push('(resumed)');
  const lines = [title.join('  ')];
  if (phase === 'walk') {
    lines.push(
      ...WALK_KINDS.map((kind) => walkLine(kind, snapshot.walks[kind], rates(poolId, kind), width)),
    );
  }
  if (snapshot.note !== null && phase !== 'done') lines.push(`  ${printable(snapshot.note)}`);
  return lines;
}

/** Such as `  users    ██████░░░░  12,345 / 20,000  1,440/s  0:05 left`. */
function walkLine(kind: WalkKind, tally: WalkTally, rate: number | null, width: number): string {
  const isDone = tally.walks > 0 && tally.walksDone === tally.walks;
  const words = [
    tally.expected === null || isDone
      ? formatCount(tally.items)
      : `${formatCount(tally.items)} / ${formatCount(tally.expected)}`,
  ];
  if (!isDone && rate !== null) words.push(`${formatCount(rate)}/s`);
  const left = secondsLeft(tally, rate);
  if (!isDone && left !== null) words.push(`${formatDuration(left)} left`);
  const text = words.join('  ');
  const label = `  ${kind.padEnd(7)}  `;
  const room = Math.min(MAX_BAR, width - LABEL - 2 - text.length);
  return room < MIN_BAR ? label + text : `${label}${bar(shareOf(tally, isDone), room)}  ${text}`;
}

function secondsLeft({ items, expected }: WalkTally, rate: number | null): number | null {
  if (expected === null || rate === null || rate <= 0 || items >= expected) return null;
  return (expected - items) / rate;
}

/**
 * What is expected is an estimate: a bar is full only when its walks have ended. Where nothing is
 * expected, the walks that ended tell most.
 */
function shareOf({ items, expected, walks, walksDone }: WalkTally, isDone: boolean): number {
  if (isDone) return 1;
  if (expected === null || expected === 0) return walksDone / Math.max(1, walks);
  return Math.min(0.99, items / expected);
}

function bar(share: number, width: number): string {
  const filled = Math.floor(share * width);
  return '█'.repeat(filled) + '░'.repeat(width - filled);
}

function usageLine(snapshots: readonly SnapshotProgress[], { rate, allowed }: Usage): string {
  const calls = snapshots.reduce((sum, snapshot) => sum + snapshot.meter.counts.apiCalls, 0);
  const throttled = snapshots.reduce((sum, snapshot) => sum + snapshot.meter.counts.throttled, 0);
  const words = [`quota ${rate.toFixed(1)} of ${allowed.toFixed(1)} calls/s`];
  words.push(`${formatCount(calls)} calls`);
  if (throttled > 0) words.push(`${formatCount(throttled)} throttled`);
  return `  ${words.join('  ')}`;
}
