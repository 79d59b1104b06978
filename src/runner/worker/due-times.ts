import { createHash } from 'node:crypto';
import { CronExpressionParser } from 'cron-parser';
import type { DueTimes, PoolSchedule } from '../../postgres/state/schedules.ts';

/** Pools of one schedule begin within this long of each other, … */
const LONGEST_DELAY_MS = 5 * 60_000;

/** … and within this part of the time between two runs. */
const DELAYED_PART = 0.1;

/**
 * The first times of a schedule after a moment. A pool's run begins a little after it is due, always
 * by the same part of the possible delay, so that pools do not start together.
 *
 * On the days when clocks change, as cron-parser has it (version 5.10): a run at a time that is
 * skipped comes when a clock left as it was would show it, and one at a time that comes twice comes
 * the first time. A day whose midnight is skipped (Havana, Santiago, Cairo, Beirut) has no run at a time
 * within the skipped hour, nor has one where less than an hour is skipped (Lord Howe).
 */
export function timesAfter(schedule: PoolSchedule, after: Date): DueTimes {
  const times = CronExpressionParser.parse(schedule.pattern, {
    currentDate: after,
    tz: schedule.timezone,
  });
  const dueAt = times.next().toDate();
  const gap = times.next().getTime() - dueAt.getTime();
  const longest = Math.min(LONGEST_DELAY_MS, gap * DELAYED_PART);
  return { dueAt, startsAt: new Date(dueAt.getTime() + partOf(schedule.poolId) * longest) };
}

/** A number from 0 up to 1 that is always the same for a pool. */
function partOf(poolId: string): number {
  return createHash('sha256').update(poolId).digest().readUInt32BE() / 2 ** 32;
}
