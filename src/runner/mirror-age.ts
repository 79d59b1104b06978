import { addSeconds, secondsBetween } from '../common/time.ts';
import { DEFAULT_MAX_AGE_HOURS, GRACE_HOURS } from '../model/snapshot.ts';
import { listPastDueTimes, type PoolSchedule } from '../postgres/coordination/due-times.ts';
import type { AttemptStatus, PoolStatus } from './status.ts';

/**
 * How old the mirror of a pool may be, in seconds: its newest snapshot must be of the last time that its
 * schedule was due, or of the time before until the run had two hours.
 */
export function findMaxAge(schedule: PoolSchedule | null, at: Date): number {
  if (schedule === null) return DEFAULT_MAX_AGE_HOURS * 3600;
  const until = addSeconds(at, -GRACE_HOURS * 3600);
  const [due = until] = listPastDueTimes(schedule, until, 1);
  return secondsBetween(due, at);
}

/** Whether the mirror of a pool is recent enough, and why. */
export interface PoolAge {
  readonly poolId: string;
  readonly ok: boolean;
  /** The newest published snapshot, or null. */
  readonly snapshot: string | null;
  /** Seconds since it began, on Postgres's clock; null without a published snapshot. */
  readonly ageSeconds: number | null;
  /** True if COGNITO_POOLS=all no longer lists the pool: its mirror can only become older. */
  readonly vanished: boolean;
  readonly lastAttempt: AttemptStatus | null;
}

/**
 * Compares the age of each pool's newest published snapshot with a limit. A pool that was never
 * mirrored, or vanished from its account, fails the check.
 *
 * @param poolIds the pools to check, in the order of the result.
 */
export function checkAges(
  pools: readonly PoolStatus[],
  poolIds: readonly string[],
  maxAgeSeconds: number,
): PoolAge[] {
  return poolIds.map((poolId) => {
    const {
      newest = null,
      vanished = false,
      lastAttempt = null,
    } = pools.find((pool) => pool.poolId === poolId) ?? {};
    const ageSeconds = newest === null ? null : Math.round(newest.ageSeconds);
    return {
      poolId,
      ok: ageSeconds !== null && ageSeconds <= maxAgeSeconds && !vanished,
      snapshot: newest?.snapshot ?? null,
      ageSeconds,
      vanished,
      lastAttempt,
    };
  });
}
