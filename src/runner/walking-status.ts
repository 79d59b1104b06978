import type { KindProgress, WalkProgress } from '../postgres/store/progress.ts';

/** How far one walk is, and how fast. */
export interface WalkStatus extends WalkProgress {
  /** Items read a second, between two readings; null where they tell of no new page. */
  readonly rate: number | null;
  /** When it should end at that rate; null where it is not known. */
  readonly estimatedEnd: Date | null;
}

/** How far a snapshot is that is being taken. */
export interface WalkingStatus {
  readonly walks: readonly KindProgress[];
  /** Walks that are in progress, those with most left first: a bounded number of them. */
  readonly inProgress: readonly WalkStatus[];
  /** Items read a second since `rateSince`; null where no run reads it now. */
  readonly rate: number | null;
  /** When this run began, where the rate is its average; else when an earlier reading was. */
  readonly rateSince: Date | null;
  /** When the last page was asked for; null before the first. */
  readonly readAt: Date | null;
  /** When its walks should end at that rate; null where it is not known. */
  readonly estimatedEnd: Date | null;
}

/** Where no page was requested for so long, the end is unknown. */
const QUIET_AFTER_SECONDS = 60;

/** The run that reads a snapshot now. */
export interface CurrentRun {
  readonly beganAt: Date;
  /** Items that earlier runs had read. */
  readonly itemsBefore: number;
}

/**
 * A first reading: the rate is the average of what this run read.
 *
 * @param run null where no run reads the snapshot now: then there is no rate and no end.
 */
export function averageStatus(
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
  // A walk that starts again gives back what it had read, also what earlier runs had.
  const read = Math.max(0, itemsOf(walks) - run.itemsBefore);
  const rate = read / Math.max(1, secondsBetween(run.beganAt, at));
  return withRate(at, rate, { ...status, rateSince: run.beganAt });
}

/**
 * A reading with the rates since an earlier one. Where nothing was read between them, or a walk that
 * began again took back what it had read, the rate stays the average.
 *
 * @param at when it was read; `earlier.at` when the earlier one was.
 */
export function measuredStatus(
  at: Date,
  status: WalkingStatus,
  earlier: { at: Date; status: WalkingStatus },
): WalkingStatus {
  // No run reads it now.
  if (status.rate === null) return status;
  const inProgress = status.inProgress.map((walk) => {
    const before = earlier.status.inProgress.find(({ id }) => id === walk.id);
    return before === undefined ? walk : measuredWalk(at, walk, before);
  });
  const read = itemsOf(status.walks) - itemsOf(earlier.status.walks);
  const seconds = secondsBetween(earlier.at, at);
  if (read <= 0 || seconds <= 0) return { ...status, inProgress };
  return withRate(at, read / seconds, { ...status, inProgress, rateSince: earlier.at });
}

/** A walk's own pages are its clock: a rate over whole pages does not depend on when one looks. */
function measuredWalk(at: Date, walk: WalkStatus, before: WalkStatus): WalkStatus {
  const seconds = secondsBetween(before.readAt, walk.readAt);
  if (walk.attempt !== before.attempt || walk.items <= before.items || seconds <= 0) return walk;
  const rate = (walk.items - before.items) / seconds;
  const left = walk.expected === null ? 0 : walk.expected - walk.items;
  return { ...walk, rate, estimatedEnd: left > 0 ? later(at, left / rate) : null };
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
  return { ...status, rate, estimatedEnd: known && left > 0 ? later(at, left / rate) : null };
}

function itemsOf(walks: readonly KindProgress[]): number {
  return walks.reduce((sum, { items }) => sum + items, 0);
}

function secondsBetween(from: Date, to: Date): number {
  return (to.getTime() - from.getTime()) / 1000;
}

function later(at: Date, seconds: number): Date {
  return new Date(at.getTime() + seconds * 1000);
}
