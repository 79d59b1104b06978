import { DelayedError, type Job, WaitingChildrenError, WaitingError } from 'bullmq';
import { ThrottledError } from '../../cognito/errors.ts';
import { MirrorError, PausedError } from '../../model/errors.ts';
import { isDatabaseAway } from '../../postgres/database-error.ts';
import { isRefusal } from '../../redis/trouble.ts';

/** What a job needs is not to be had now; it is no failure of the job's. */
export class LaterError extends MirrorError {
  /** How long to wait, in milliseconds. */
  readonly waitMs: number;

  constructor(message: string, waitMs: number) {
    super(message);
    this.waitMs = waitMs;
  }
}

/** Longer than BullMQ takes to be done with the run that paused. */
const PAUSED_MS = 500;
/** While the service throttles for minutes, others may use the slot. */
const THROTTLED_MS = 30_000;
/** Until Postgres or Redis is asked again. */
export const SERVER_AWAY_MS = 5_000;

/** How long to wait before an error's work is tried again without spending an attempt, or null. */
export function waitAfter(error: unknown): number | null {
  if (error instanceof LaterError) return error.waitMs;
  // Behind the others of its priority that wait for a slot.
  if (error instanceof PausedError) return PAUSED_MS;
  if (error instanceof ThrottledError) return THROTTLED_MS;
  return isDatabaseAway(error) || isRefusal(error) ? SERVER_AWAY_MS : null;
}

/**
 * Gives a job back to wait for a time, without spending an attempt.
 *
 * @returns what BullMQ is to be thrown for it.
 */
export async function giveBackFor(job: Job, token: string, waitMs: number): Promise<Error> {
  await job.moveToDelayed(Date.now() + waitMs, token);
  return new DelayedError();
}

/**
 * Gives a job back to whichever worker is next, without spending an attempt.
 *
 * @returns what BullMQ is to be thrown for it.
 */
export async function giveBack(job: Job, token: string): Promise<Error> {
  await job.moveToWait(token);
  return new WaitingError();
}

/** True for what says that a job goes on at another time. */
export function isGivenBack(failure: Error): boolean {
  return (
    failure instanceof DelayedError ||
    failure instanceof WaitingError ||
    failure instanceof WaitingChildrenError
  );
}
