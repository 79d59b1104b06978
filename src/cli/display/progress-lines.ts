import { formatDuration } from '../../common/format.ts';
import { printable } from '../../common/printable.ts';
import { counted, formatCount } from '../../common/text.ts';
import {
  type SnapshotProgress,
  snapshotId,
  WALK_KINDS,
  type WalkKind,
  type WalkTally,
} from '../../index.ts';
import { MESSAGES, type Usage } from './progress-log.ts';
import { MARKS, truncate } from './text-width.ts';

/**
 * The items per second of a pool, by kind of walk or by its phase; null while unknown.
 */
export type Rates = (poolId: string, kind: WalkKind | 'phase') => number | null;

const MAX_BAR = 30;
const MIN_BAR = 5;
const LABEL = '  members  '.length;

/** An allowance from this on means that quotas are off (`quota/limiter.ts`). */
const NO_QUOTA = 5_000;

/**
 * Shows the progress of snapshots in lines of at most `width` columns: a title for each pool, bars for
 * the counts of its phase, and last the use of the quota.
 */
export function formatProgress(
  snapshots: readonly SnapshotProgress[],
  rates: Rates,
  usage: Usage,
  width: number,
): string[] {
  const lines = snapshots.flatMap((snapshot) => formatPool(snapshot, rates, width));
  if (snapshots.some(({ phase }) => phase === 'prepare' || phase === 'walk')) {
    lines.push(formatUsage(snapshots, usage));
  }
  return lines.map((line) => truncate(line, width));
}

function formatPool(snapshot: SnapshotProgress, rates: Rates, width: number): string[] {
  const { poolId, phase, counts, outcome } = snapshot;
  const title = [printable(poolId)];
  if (snapshot.key !== null) title.push(snapshotId(snapshot.key.snapshotAt));
  // The check counts users whom it confirms with the service.
  const isConfirming = phase === 'check' && counts !== null;
  title.push(
    outcome ?? (isConfirming ? 'confirming users' : phase === 'done' ? phase : MESSAGES[phase]),
  );
  if (snapshot.resumed && phase !== 'done') title.push('(resumed)');
  if (phase === 'walk') {
    const left = estimateSeconds(snapshot, rates);
    if (left !== null) title.push(`${formatDuration(left)} left`);
    const bars = WALK_KINDS.map((kind) =>
      formatWalk(kind, snapshot.walks[kind], rates(poolId, kind), width),
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
  return [title.join('  '), formatBar(phase === 'archive' ? 'rows' : 'users', share, words, width)];
}

/** Such as `  users    ██████░░░░  12,345 / 20,000  1,440/s`. */
function formatWalk(kind: WalkKind, tally: WalkTally, rate: number | null, width: number): string {
  const isComplete = isDone(tally);
  const words = [formatCount(tally.items)];
  if (!isComplete) words[0] += ` / ${tally.expected === null ? '?' : formatCount(tally.expected)}`;
  if (!isComplete && rate !== null) words.push(`${formatCount(rate)}/s`);
  return formatBar(kind, computeShare(tally, isComplete), words, width);
}

/** Without a share, spaces replace the bar: an empty or full bar would be wrong. */
function formatBar(
  name: string,
  share: number | null,
  words: readonly string[],
  width: number,
): string {
  const text = words.join('  ');
  const label = `  ${name.padEnd(7)}  `;
  const room = Math.min(MAX_BAR, width - LABEL - 2 - text.length);
  if (room < MIN_BAR) return label + text;
  return `${label}${share === null ? ' '.repeat(room) : drawBar(share, room)}  ${text}`;
}

/**
 * The kinds share one quota in a changing order, so the estimate is all remaining items at the total
 * rate. Null while a part is unknown.
 */
function estimateSeconds({ poolId, walks }: SnapshotProgress, rates: Rates): number | null {
  const open = WALK_KINDS.filter((kind) => !isDone(walks[kind])).filter(
    // A pool without groups has no walks over members.
    (kind) => kind !== 'members' || walks.members.walks > 0 || !isDone(walks.groups),
  );
  const lefts = open.map((kind) => {
    const { items, expected } = walks[kind];
    return expected === null || items >= expected ? null : expected - items;
  });
  const left = lefts.reduce((sum, each) => (sum === null || each === null ? null : sum + each), 0);
  const rate = open.reduce((sum, kind) => sum + (rates(poolId, kind) ?? 0), 0);
  return left === null || left === 0 || rate <= 0 ? null : left / rate;
}

function isDone({ walks, walksDone }: WalkTally): boolean {
  return walks > 0 && walksDone === walks;
}

/** The expected number is an estimate, so a bar is full only when its walks are done. */
function computeShare({ items, expected }: WalkTally, isComplete: boolean): number | null {
  if (isComplete) return 1;
  return expected === null || expected === 0 ? null : Math.min(0.99, items / expected);
}

function drawBar(share: number, width: number): string {
  const filled = Math.floor(share * width);
  return MARKS.full.repeat(filled) + MARKS.empty.repeat(width - filled);
}

function formatUsage(snapshots: readonly SnapshotProgress[], { rate, allowed }: Usage): string {
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

/** The period that a rate covers. */
const WINDOW_MS = 10_000;

/** The recent rate of a growing count, from samples. */
export class RateWindow {
  #samples: { at: number; count: number }[] = [];

  /**
   * Adds the count at `at`, in milliseconds of a monotonic clock. Returns its growth per second over the
   * window, or null while there are too few samples. A count that falls starts a new window.
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
