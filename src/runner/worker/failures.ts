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
import {
  describeSafely,
  isTemporaryDatabaseError,
  withoutRows,
} from '../../postgres/database-error.ts';
import { isConnectionLost, isRefusal } from '../../redis/redis-errors.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { WalkFailedError } from '../advance.ts';

/** The text of an error that may be stored in Redis and Postgres and shown: it has no user data. */
export function safeMessage(error: unknown): string {
  return error instanceof UnrecoverableError ? error.message : describeSafely(error);
}

/** The error itself if its text is safe, else one with a safe text. */
export function toSafeError(error: unknown): Error {
  const known = withoutRows(toError(error));
  return isOurs(known) ? known : new Error(safeMessage(error));
}

/** Where an unexpected error was thrown, without its text, which may quote anything. */
export function safeStack(thrown: unknown): string[] | undefined {
  const error = toError(thrown);
  if (isOurs(withoutRows(error))) return undefined;
  return error.stack
    ?.split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('at '))
    .slice(0, MAX_FRAMES);
}

const MAX_FRAMES = 8;

function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error('Something other than an error was thrown.');
}

function isOurs(error: Error): boolean {
  return error instanceof MirrorError || error instanceof UnrecoverableError;
}

/** The error for BullMQ to store in Redis: with a safe text and without a stack. */
export function toStoredError(error: unknown): Error {
  const stored = error instanceof UnrecoverableError ? error : new Error(safeMessage(error));
  stored.stack = stored.message;
  return stored;
}

/** True if work that failed with this error would fail again. */
export function isFinal(error: Error): boolean {
  if (error instanceof SnapshotFailedError || error instanceof WalkFailedError) return true;
  if (error instanceof UnrecoverableError) return true;
  // Credentials can recover without a person; other required actions cannot.
  return error instanceof ActionRequiredError && !(error instanceof CredentialsError);
}

/** True if a job that fails now is not tried again. */
export function isLastAttempt(job: Job): boolean {
  return job.attemptsMade + 1 >= (job.opts.attempts ?? 1);
}

/** BullMQ's codes for a job, or its parent, that another worker has or that is gone. */
const LOST: readonly unknown[] = [
  ErrorCode.JobNotExist,
  ErrorCode.JobLockNotExist,
  ErrorCode.JobNotInState,
  ErrorCode.ParentJobNotExist,
  ErrorCode.JobLockMismatch,
];

/** True if this worker no longer has the job: then nothing is recorded, and nothing failed. */
export function isJobLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  // This error has no code. BullMQ emits it with the event that cancels the job.
  if (error.message.startsWith('could not renew lock for job')) return true;
  return 'code' in error && LOST.includes(error.code);
}

/** Logs that upkeep of something, such as a pool, failed. */
export type ProblemLog = (what: string, error: unknown) => void;

/** A failure that lasts is logged again after this time. */
const LOG_AGAIN_MS = 60 * 60 * 1000;

/**
 * Logs each different failure once an hour. The connections to Redis and Postgres log their own losses,
 * and jobs that Redis lost are added again.
 */
export function createProblemLog(log: Logger): ProblemLog {
  const loggedAt = new Map<string, number>();
  return (what, error) => {
    if (waitAfter(error) !== null || isJobLost(error) || isConnectionLost(error)) return;
    const reason = safeMessage(error);
    const problem = `${what}: ${reason}`;
    const now = performance.now();
    if (now - (loggedAt.get(problem) ?? Number.NEGATIVE_INFINITY) < LOG_AGAIN_MS) return;
    loggedAt.set(problem, now);
    log.warn({ what, reason, at: safeStack(error) }, 'upkeep failed, and is repeated');
  };
}

/** The job cannot run now, which is not a failure of the job. */
export class LaterError extends MirrorError {
  readonly code = 'paused';
  /** How long to wait, in milliseconds. */
  readonly waitMs: number;

  constructor(message: string, waitMs: number) {
    super(message);
    this.waitMs = waitMs;
  }
}

/** Longer than BullMQ needs to finish the run that paused. */
const PAUSED_MS = 500;
/** While the service throttles for minutes, other jobs can use the slot. */
const THROTTLED_MS = 30_000;
/** Until Postgres or Redis is tried again. */
export const SERVER_DOWN_MS = 5_000;

/** How long to wait before work is repeated without spending an attempt; null for a failure. */
export function waitAfter(error: unknown): number | null {
  if (error instanceof LaterError) return error.waitMs;
  // The job goes behind others of its priority that wait for a slot.
  if (error instanceof PausedError) return PAUSED_MS;
  if (error instanceof ThrottledError) return THROTTLED_MS;
  return isTemporaryDatabaseError(error) || isRefusal(error) ? SERVER_DOWN_MS : null;
}

/**
 * Returns a job to its queue for a time, without spending an attempt.
 *
 * @returns what to throw to BullMQ.
 */
export async function delayJob(job: Job, token: string, waitMs: number): Promise<Error> {
  await job.moveToDelayed(Date.now() + waitMs, token);
  return new DelayedError();
}

/**
 * Returns a job to its queue for the next free worker, without spending an attempt.
 *
 * @returns what to throw to BullMQ.
 */
export async function returnJob(job: Job, token: string): Promise<Error> {
  await job.moveToWait(token);
  return new WaitingError();
}

/** True for the errors that tell BullMQ that a job continues later. */
export function isReturned(failure: Error): boolean {
  return (
    failure instanceof DelayedError ||
    failure instanceof WaitingError ||
    failure instanceof WaitingChildrenError
  );
}
