import {
  DelayedError,
  ErrorCode,
  type Job,
  UnrecoverableError,
  WaitingChildrenError,
  WaitingError,
} from 'bullmq';
import { CredentialsError, ThrottledError } from '../../cognito/errors.ts';
import {
  ActionRequiredError,
  MirrorError,
  PausedError,
  SnapshotFailedError,
} from '../../model/errors.ts';
import { isDatabaseAway, withoutRows } from '../../postgres/database-error.ts';
import { isConnectionLost, isRefusal } from '../../redis/redis-errors.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { WalkFailedError } from '../advance.ts';

/** What may be told of an error in Redis, in Postgres and to a person: none of a user's data. */
export function safeMessage(error: unknown): string {
  const known = withoutRows(toError(error));
  if (isOurs(known)) return known.message;
  return `It failed unexpectedly (${known.name}). The worker's log tells where.`;
}

/** The error, if its text may be told, else one that says as much as may be. */
export function toSafeError(error: unknown): Error {
  const known = withoutRows(toError(error));
  return isOurs(known) ? known : new Error(safeMessage(error));
}

/** Where an error was thrown that nobody expected: of its text, which may quote anything, nothing. */
export function safeStack(thrown: unknown): string[] | undefined {
  const error = toError(thrown);
  if (isOurs(withoutRows(error))) return undefined;
  return error.stack
    ?.split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('at '))
    .slice(0, DEEPEST);
}

const DEEPEST = 8;

function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error('Something not an error was thrown.');
}

function isOurs(error: Error): boolean {
  return error instanceof MirrorError || error instanceof UnrecoverableError;
}

/** The error for BullMQ to keep in Redis: its text is told to people, and its stack is left out. */
export function failureToKeep(error: unknown): Error {
  const kept = error instanceof UnrecoverableError ? error : new Error(safeMessage(error));
  kept.stack = kept.message;
  return kept;
}

/** True where work that failed with this error would fail again. */
export function isFinal(error: Error): boolean {
  if (error instanceof SnapshotFailedError || error instanceof WalkFailedError) return true;
  if (error instanceof UnrecoverableError) return true;
  // Credentials come and go by themselves; what else is wrong, a person must change.
  return error instanceof ActionRequiredError && !(error instanceof CredentialsError);
}

/** True where a job that fails now is not tried again. */
export function isLastAttempt(job: Job): boolean {
  return job.attemptsMade + 1 >= (job.opts.attempts ?? 1);
}

/** What BullMQ says where a job, or the one that it belongs to, is another worker's or is gone. */
const LOST: readonly unknown[] = [
  ErrorCode.JobNotExist,
  ErrorCode.JobLockNotExist,
  ErrorCode.JobNotInState,
  ErrorCode.ParentJobNotExist,
  ErrorCode.JobLockMismatch,
];

/** True where a job is no longer this worker's: nothing is to be noted of it, and nothing fails. */
export function isJobLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  // This one has no code. It comes beside the event by which the job is cancelled.
  if (error.message.startsWith('could not renew lock for job')) return true;
  return 'code' in error && LOST.includes(error.code);
}

/** Tells that something, such as a pool, could not be looked after. */
export type ProblemLog = (what: string, error: unknown) => void;

/**
 * Logs each failure once, however often it comes. A server that is away or refuses is logged by its
 * own connection, and what Redis lost is made again.
 */
export function createProblemLog(log: Logger): ProblemLog {
  const told = new Set<string>();
  return (what, error) => {
    if (waitAfter(error) !== null || isJobLost(error) || isConnectionLost(error)) return;
    const reason = safeMessage(error as Error);
    const said = `${what}: ${reason}`;
    if (told.has(said)) return;
    told.add(said);
    log.warn({ what, reason, at: safeStack(error as Error) }, 'could not be looked after');
  };
}

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
export async function delayJob(job: Job, token: string, waitMs: number): Promise<Error> {
  await job.moveToDelayed(Date.now() + waitMs, token);
  return new DelayedError();
}

/**
 * Gives a job back to whichever worker is next, without spending an attempt.
 *
 * @returns what BullMQ is to be thrown for it.
 */
export async function returnJob(job: Job, token: string): Promise<Error> {
  await job.moveToWait(token);
  return new WaitingError();
}

/** True for what says that a job goes on at another time. */
export function isReturned(failure: Error): boolean {
  return (
    failure instanceof DelayedError ||
    failure instanceof WaitingError ||
    failure instanceof WaitingChildrenError
  );
}
