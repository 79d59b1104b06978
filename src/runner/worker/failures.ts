import { type Job, UnrecoverableError } from 'bullmq';
import { CredentialsError } from '../../cognito/errors.ts';
import { ConfigurationError, MirrorError, SnapshotFailedError } from '../../model/errors.ts';
import { withoutRows } from '../../postgres/database-error.ts';

/** What may be told of an error in Redis, in Postgres and to a person: none of a user's data. */
export function tellable(error: Error): string {
  const known = withoutRows(error);
  if (known instanceof MirrorError || known instanceof UnrecoverableError) return known.message;
  return `It failed unexpectedly (${known.name}). The worker's log tells more.`;
}

/** True where a job that failed with this error is not tried again. */
export function isFinal(error: Error, job: Job): boolean {
  if (error instanceof SnapshotFailedError || error instanceof UnrecoverableError) return true;
  // Credentials come and go by themselves; what else is wrong, a person must change.
  if (error instanceof ConfigurationError && !(error instanceof CredentialsError)) return true;
  return job.attemptsMade + 1 >= (job.opts.attempts ?? 1);
}
