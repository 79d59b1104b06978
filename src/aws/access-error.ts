import { ActionRequiredError, type Problem, ResumableError } from '../model/errors.ts';
import { NoCredentialsError } from './credentials.ts';
import { ProxyError } from './proxy.ts';

/** Why no service of AWS can be reached from here, whichever it is. */
export interface AccessProblem extends Problem {
  /** True where to run it again can help. */
  readonly passing: boolean;
}

/** Explains missing credentials and failures of a proxy; null where the error is something else. */
export function explainAccess(error: unknown): AccessProblem | null {
  if (error instanceof NoCredentialsError) return { subject: 'AWS credentials', ...error.trouble };
  if (!(error instanceof ProxyError)) return null;
  const subject = 'HTTPS_PROXY';
  if (error.wantsCredentials) {
    return {
      subject,
      passing: false,
      problem: `the proxy ${error.proxy} wants other credentials (${error.detail}).`,
      remedy: 'Put user and password into its URL: http://user:password@proxy:3128.',
    };
  }
  return {
    subject,
    passing: true,
    problem: `the proxy ${error.proxy} could not carry the request (${error.detail}).`,
    remedy:
      'Check the proxy, and name hosts that it must not carry in NO_PROXY; then run it again to ' +
      'go on from here.',
  };
}

/** The same, as the error to end with. */
export function accessError(error: unknown): ActionRequiredError | ResumableError | null {
  // A variable that names no proxy.
  if (error instanceof ActionRequiredError) return error;
  const trouble = explainAccess(error);
  if (trouble === null) return null;
  if (!trouble.passing) return new ActionRequiredError([trouble], { cause: error });
  const { subject, problem, remedy } = trouble;
  return new ResumableError(`${subject}: ${problem} ${remedy}`, { cause: error });
}
