import {
  counted,
  formatCount,
  type Phase,
  printable,
  type SnapshotProgress,
  snapshotId,
  WALK_KINDS,
  type WalkKind,
  type WalkTally,
} from '../../index.ts';
import { formatDuration, MARKS } from './format.ts';
import { truncate } from './text-width.ts';

/** Attempts a second at the lists' bucket: now, and at most. */
export interface Usage {
  readonly rate: number;
  readonly allowed: number;
}

/**
 * Items a second of one kind of walk of one pool, or of what its phase counts; null while unknown.
 */
export type Rates = (poolId: string, kind: WalkKind | 'phase') => number | null;

const PHASES: Readonly<Record<Phase, string>> = {
  prepare: 'planning',
  walk: 'walking',
  check: 'checking',
  publish: 'publishing',
  archive: 'archiving',
  done: 'done',
};

const MAX_BAR = 30;
const MIN_BAR = 5;
const LABEL = '  members  '.length;

/** An allowance of so many attempts a second means that there is no quota (`quota/limiter.ts`). */
const NO_QUOTA = 5_000;

/**
 * The lines that show where the snapshots stand, none wider than `width`: a line for a pool, bars
 * for what its phase counts, and the quota's use last.
 */
export function progressLines(
  snapshots: readonly SnapshotProgress[],
  rates: Rates,
  usage: Usage,
  width: number,
): string[] {
  const lines = snapshots.flatMap((snapshot) => poolLines(snapshot, rates, width));
  if (snapshots.some(({ phase }) => phase === 'prepare' || phase === 'walk')) {
    lines.push(usageLine(snapshots, usage));
  }
  return lines.map((line) => truncate(line, width));
}

function poolLines(snapshot: SnapshotProgress, rates: Rates, width: number): string[] {
  const { poolId, phase, counts, outcome } = snapshot;
  const title = [printable(poolId)];
  if (snapshot.key !== null) title.push(snapshotId(snapshot.key.snapshotAt));
  // What is counted while checking is users that the service is asked to confirm.
  const isConfirming = phase === 'check' && counts !== null;
  title.push(outcome ?? (isConfirming ? 'confirming users' : PHASES[phase]));
  if (snapshot.resumed && phase !== 'done') title.push('(resumed)');
  if (phase === 'walk') {
    const left = secondsToWalk(snapshot, rates);
    if (left !== null) title.push(`${formatDuration(left)} left`);
    const bars = WALK_KINDS.map((kind) =>
      walkLine(kind, snapshot.walks[kind], rates(poolId, kind), width),
    );
    return [title.join('  '), ...bars];
  }
  if (counts === null) return [title.join('  ')];
  const rate = rates(poolId, 'phase');
  const left = counts.total - counts.done;
  const words = [`${formatCount(counts.done)} / ${formatCount(counts.total)}`];
  if (rate !== null && rate > 0 && left > 0) {
    words.push(`${formatCount(rate)}/s`, `${formatDuration(left / rate)} left`);
  }
  const share = counts.done / Math.max(1, counts.total);
  return [title.join('  '), barLine(isConfirming ? 'users' : 'rows', share, words, width)];
}

/** Such as `  users    ██████░░░░  12,345 / 20,000  1,440/s`. */
function walkLine(kind: WalkKind, tally: WalkTally, rate: number | null, width: number): string {
  const isDone = isRead(tally);
  const words = [formatCount(tally.items)];
  if (!isDone) words[0] += ` / ${tally.expected === null ? '?' : formatCount(tally.expected)}`;
  if (!isDone && rate !== null) words.push(`${formatCount(rate)}/s`);
  return barLine(kind, shareOf(tally, isDone), words, width);
}

/** Without a share there is no bar: an unknown total is neither empty nor full. */
function barLine(
  name: string,
  share: number | null,
  words: readonly string[],
  width: number,
): string {
  const text = words.join('  ');
  const label = `  ${name.padEnd(7)}  `;
  const room = Math.min(MAX_BAR, width - LABEL - 2 - text.length);
  if (room < MIN_BAR) return label + text;
  return `${label}${share === null ? ' '.repeat(room) : bar(share, room)}  ${text}`;
}

/**
 * The kinds share one quota, and which goes first changes: only all that is left, at the rate of all
 * together, tells an end. Null while part of it is unknown.
 */
function secondsToWalk({ poolId, walks }: SnapshotProgress, rates: Rates): number | null {
  const open = WALK_KINDS.filter((kind) => !isRead(walks[kind])).filter(
    // A pool without groups has no walks over members.
    (kind) => kind !== 'members' || walks.members.walks > 0 || !isRead(walks.groups),
  );
  const lefts = open.map((kind) => {
    const { items, expected } = walks[kind];
    return expected === null || items >= expected ? null : expected - items;
  });
  const left = lefts.reduce((sum, each) => (sum === null || each === null ? null : sum + each), 0);
  const rate = open.reduce((sum, kind) => sum + (rates(poolId, kind) ?? 0), 0);
  return left === null || left === 0 || rate <= 0 ? null : left / rate;
}

function isRead({ walks, walksDone }: WalkTally): boolean {
  return walks > 0 && walksDone === walks;
}

/** What is expected is an estimate: a bar is full only when its walks have ended. */
function shareOf({ items, expected }: WalkTally, isDone: boolean): number | null {
  if (isDone) return 1;
  return expected === null || expected === 0 ? null : Math.min(0.99, items / expected);
}

function bar(share: number, width: number): string {
  const filled = Math.floor(share * width);
  return MARKS.full.repeat(filled) + MARKS.empty.repeat(width - filled);
}

function usageLine(snapshots: readonly SnapshotProgress[], { rate, allowed }: Usage): string {
  const calls = snapshots.reduce((sum, snapshot) => sum + snapshot.meter.counts.apiCalls, 0);
  const throttled = snapshots.reduce((sum, snapshot) => sum + snapshot.meter.counts.throttled, 0);
  const words = [
    allowed < NO_QUOTA
      ? `quota ${rate.toFixed(1)} of ${allowed.toFixed(1)} calls/s`
      : `${rate.toFixed(1)} calls/s`,
    counted(calls, 'call'),
  ];
  if (throttled > 0) words.push(`${formatCount(throttled)} throttled`);
  return `  ${words.join('  ')}`;
}

/** How far back a rate looks. */
const WINDOW_MS = 10_000;

/** The recent rate of a growing count, by looking at it now and then. */
export class RateWindow {
  #samples: { at: number; count: number }[] = [];

  /**
   * Notes the count at `at` (milliseconds of a clock that only goes forward) and gives its growth a
   * second over the window, or null while there is too little to tell. A count that falls is another
   * count: its rate begins anew.
   */
  add(at: number, count: number): number | null {
    if (count < (this.#samples.at(-1)?.count ?? 0)) this.#samples = [];
    this.#samples.push({ at, count });
    while ((this.#samples[1]?.at ?? at) <= at - WINDOW_MS) this.#samples.shift();
    const first = this.#samples[0];
    if (first === undefined || at - first.at < 500) return null;
    return ((count - first.count) * 1000) / (at - first.at);
  }
}
