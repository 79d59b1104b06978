import type { KindProgress, WalkProgress } from '../postgres/stage/progress.ts';

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
  /** Items read a second since `rateSince`. */
  readonly rate: number;
  /** When the snapshot began, where the rate is the average; else when an earlier reading was. */
  readonly rateSince: Date;
  /** When the last page was asked for; null before the first. */
  readonly readAt: Date | null;
  /** When its walks should end at that rate; null where it is not known. */
  readonly estimatedEnd: Date | null;
}

/** Where no page was asked for so long, nobody may be reading: an end cannot be told. */
const QUIET_AFTER_SECONDS = 60;

/** A first reading: rates are averages since the snapshot began, also where it rested meanwhile. */
export function averageStatus(
  at: Date,
  snapshotAt: Date,
  walks: readonly KindProgress[],
  inProgress: readonly WalkProgress[],
): WalkingStatus {
  const reads = walks.flatMap(({ readAt }) => (readAt === null ? [] : [readAt.getTime()]));
  return withRate(at, itemsOf(walks) / Math.max(1, secondsBetween(snapshotAt, at)), {
    walks,
    inProgress: inProgress.map((walk) => ({ ...walk, rate: null, estimatedEnd: null })),
    rateSince: snapshotAt,
    readAt: reads.length === 0 ? null : new Date(Math.max(...reads)),
  });
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
  return { ...status, rate, estimatedEnd: known ? later(at, left / rate) : null };
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
