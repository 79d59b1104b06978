import { createHash } from 'node:crypto';
import { CronExpressionParser } from 'cron-parser';

/** The schedule of one pool. */
export interface PoolSchedule {
  readonly poolId: string;
  readonly pattern: string;
  readonly timezone: string;
}

/** When a pool is next mirrored. */
export interface DueTimes {
  /** By its cron pattern. */
  readonly dueAt: Date;
  /** When the run starts: a little later, so that pools do not start together. */
  readonly startsAt: Date;
}

/** Pools of one schedule start within this long of each other, … */
const LONGEST_DELAY_MS = 5 * 60_000;

/** … and within this part of the time between two runs. */
const DELAYED_PART = 0.1;

/**
 * The next times of a schedule after a moment. A pool's run starts a little after it is due, always by
 * the same part of the possible delay.
 *
 * On the days when clocks change, cron-parser 5.10 decides. A run at a skipped time starts when an
 * unchanged clock would show that time, and a run at a repeated time starts the first time. A day
 * whose midnight is skipped (Havana, Santiago, Cairo, Beirut) has no run within the skipped hour, and
 * so has a day on which less than an hour is skipped (Lord Howe).
 */
export function computeDueTimes(schedule: PoolSchedule, after: Date): DueTimes {
  const times = CronExpressionParser.parse(schedule.pattern, {
    currentDate: after,
    tz: schedule.timezone,
  });
  const dueAt = times.next().toDate();
  const gap = times.next().getTime() - dueAt.getTime();
  const longest = Math.min(LONGEST_DELAY_MS, gap * DELAYED_PART);
  return { dueAt, startsAt: new Date(dueAt.getTime() + hashToPart(schedule.poolId) * longest) };
}

/** A number from 0 up to 1 that is always the same for a pool. */
function hashToPart(poolId: string): number {
  return createHash('sha256').update(poolId).digest().readUInt32BE() / 2 ** 32;
}

/** The last times at which a schedule was due up to a moment, at most `count`, the newest last. */
export function listPastDueTimes(
  { pattern, timezone }: Pick<PoolSchedule, 'pattern' | 'timezone'>,
  until: Date,
  count: number,
): Date[] {
  // `prev` gives times before a moment, and this one counts.
  const currentDate = new Date(until.getTime() + 1);
  const times = CronExpressionParser.parse(pattern, { currentDate, tz: timezone });
  return Array.from({ length: count }, () => times.prev().toDate()).reverse();
}
