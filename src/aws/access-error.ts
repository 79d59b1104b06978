import { ActionRequiredError, type Problem, ResumableError } from '../model/errors.ts';
import { ProxyError } from '../web/proxy.ts';
import { NoCredentialsError } from './credentials.ts';

/** Why this process can reach no service of AWS. */
export interface AccessProblem extends Problem {
  /** True if running it again can help. */
  readonly temporary: boolean;
}

/** Explains missing credentials and failures of a proxy. Null for any other error. */
export function explainAccess(error: unknown): AccessProblem | null {
  if (error instanceof NoCredentialsError) return { subject: 'AWS credentials', ...error.problem };
  if (!(error instanceof ProxyError)) return null;
  const subject = 'HTTPS_PROXY';
  if (error.needsCredentials) {
    return {
      subject,
      temporary: false,
      problem: `the proxy ${error.proxy} rejects the credentials in its URL (${error.detail}).`,
      remedy: 'Set user and password in its URL: http://user:password@proxy:3128.',
    };
  }
  return {
    subject,
    temporary: true,
    problem: `the proxy ${error.proxy} failed to forward the request (${error.detail}).`,
    remedy:
      'Check the proxy, and add hosts that need no proxy to NO_PROXY; then run it again to resume.',
  };
}

/** The same as an error to throw. */
export function toAccessError(error: unknown): ActionRequiredError | ResumableError | null {
  // A proxy variable that does not name a proxy.
  if (error instanceof ActionRequiredError) return error;
  const access = explainAccess(error);
  if (access === null) return null;
  if (!access.temporary) return new ActionRequiredError([access], { cause: error });
  const { subject, problem, remedy } = access;
  return new ResumableError(`${subject}: ${problem} ${remedy}`, { cause: error });
}
