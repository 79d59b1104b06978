import { addSeconds, secondsBetween } from '../common/time.ts';
import type { KindProgress, WalkProgress } from '../postgres/store/progress.ts';

/** The progress of one walk, and its rate. */
export interface WalkStatus extends WalkProgress {
  /** Items a second between two readings; null without a new page. */
  readonly rate: number | null;
  /** When it should end at that rate; null if unknown. */
  readonly estimatedEnd: Date | null;
}

/** The progress of a snapshot that is being read. */
export interface WalkingStatus {
  readonly walks: readonly KindProgress[];
  /** Walks in progress, those with the most items left first; a bounded number. */
  readonly inProgress: readonly WalkStatus[];
  /** Items a second since `rateSince`; null if no run reads it now. */
  readonly rate: number | null;
  /** When this run began, if the rate is its average; else the time of the earlier reading. */
  readonly rateSince: Date | null;
  /** When the last page was requested; null before the first. */
  readonly readAt: Date | null;
  /** When its walks should end at that rate; null if unknown. */
  readonly estimatedEnd: Date | null;
}

/** If no page was requested for this long, the end is unknown. */
const QUIET_AFTER_SECONDS = 60;

/** The run that reads a snapshot now. */
interface CurrentRun {
  readonly beganAt: Date;
  /** Items that earlier runs had read. */
  readonly itemsBefore: number;
}

/**
 * A first reading: the rate is the average of this run.
 *
 * @param run null if no run reads the snapshot now: then there is a null rate and a null end.
 */
export function computeAverage(
  at: Date,
  run: CurrentRun | null,
  walks: readonly KindProgress[],
  inProgress: readonly WalkProgress[],
): WalkingStatus {
  const reads = walks.flatMap(({ readAt }) => (readAt === null ? [] : [readAt.getTime()]));
  const status = {
    walks,
    inProgress: inProgress.map((walk) => ({ ...walk, rate: null, estimatedEnd: null })),
    readAt: reads.length === 0 ? null : new Date(Math.max(...reads)),
  };
  if (run === null) return { ...status, rate: null, rateSince: null, estimatedEnd: null };
  // A restarted walk loses its items, including those of earlier runs.
  const read = Math.max(0, sumItems(walks) - run.itemsBefore);
  const rate = read / Math.max(1, secondsBetween(run.beganAt, at));
  return withRate(at, rate, { ...status, rateSince: run.beganAt });
}

/**
 * A reading with the rates since an earlier one. If nothing was read in between, or a restarted walk
 * lost items, the rate stays the average.
 *
 * @param at the time of this reading.
 */
export function computeRates(
  at: Date,
  status: WalkingStatus,
  earlier: { at: Date; status: WalkingStatus },
): WalkingStatus {
  // No run reads it now.
  if (status.rate === null) return status;
  const inProgress = status.inProgress.map((walk) => {
    const before = earlier.status.inProgress.find(({ id }) => id === walk.id);
    return before === undefined ? walk : computeWalkRate(at, walk, before);
  });
  const read = sumItems(status.walks) - sumItems(earlier.status.walks);
  const seconds = secondsBetween(earlier.at, at);
  if (read <= 0 || seconds <= 0) return { ...status, inProgress };
  return withRate(at, read / seconds, { ...status, inProgress, rateSince: earlier.at });
}

/** Measures from page to page, so that the rate does not depend on the times of the readings. */
function computeWalkRate(at: Date, walk: WalkStatus, before: WalkStatus): WalkStatus {
  const seconds = secondsBetween(before.readAt, walk.readAt);
  if (walk.attempt !== before.attempt || walk.items <= before.items || seconds <= 0) return walk;
  const rate = (walk.items - before.items) / seconds;
  const left = walk.expected === null ? 0 : walk.expected - walk.items;
  return { ...walk, rate, estimatedEnd: left > 0 ? addSeconds(at, left / rate) : null };
}

function withRate(
  at: Date,
  rate: number,
  status: Omit<WalkingStatus, 'rate' | 'estimatedEnd'>,
): WalkingStatus {
  const { walks, readAt } = status;
  const isRead = readAt !== null && secondsBetween(readAt, at) < QUIET_AFTER_SECONDS;
  const known = isRead && rate > 0 && walks.every(({ expected }) => expected !== null);
  const left = walks.reduce((sum, kind) => sum + (kind.expected ?? kind.items) - kind.items, 0);
  return { ...status, rate, estimatedEnd: known && left > 0 ? addSeconds(at, left / rate) : null };
}

function sumItems(walks: readonly KindProgress[]): number {
  return walks.reduce((sum, { items }) => sum + items, 0);
}
