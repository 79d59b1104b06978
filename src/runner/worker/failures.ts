import { ErrorCode, type Job, UnrecoverableError } from 'bullmq';
import { CredentialsError } from '../../cognito/errors.ts';
import { ConfigurationError, MirrorError, SnapshotFailedError } from '../../model/errors.ts';
import { withoutRows } from '../../postgres/database-error.ts';

/** What may be told of an error in Redis, in Postgres and to a person: none of a user's data. */
export function tellable(error: unknown): string {
  const known = withoutRows(toError(error));
  if (isOurs(known)) return known.message;
  return `It failed unexpectedly (${known.name}). The worker's log tells where.`;
}

/** The error, if its text may be told, else one that says as much as may be. */
export function tellableError(error: unknown): Error {
  const known = withoutRows(toError(error));
  return isOurs(known) ? known : new Error(tellable(error));
}

/** Where an error was thrown that nobody expected: of its text, which may quote anything, nothing. */
export function originOf(thrown: unknown): string[] | undefined {
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
  const kept = error instanceof UnrecoverableError ? error : new Error(tellable(error));
  kept.stack = kept.message;
  return kept;
}

/** True where work that failed with this error would fail again. */
export function isFinal(error: Error): boolean {
  if (error instanceof SnapshotFailedError || error instanceof UnrecoverableError) return true;
  // Credentials come and go by themselves; what else is wrong, a person must change.
  return error instanceof ConfigurationError && !(error instanceof CredentialsError);
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
