import { type AccessProblem, explainAccess } from '../aws/access-error.ts';
import { ProxyError } from '../aws/proxy.ts';
import { ActionRequiredError, ResumableError } from '../model/errors.ts';
import { explainTls, type TlsProblem } from '../model/tls-errors.ts';
import type { Operation } from '../quota/quotas.ts';
import {
  CredentialsError,
  FilterRefusedError,
  MalformedAnswerError,
  NotAuthorizedError,
  OperationNotEnabledError,
  ParameterRefusedError,
  RefusedRequestError,
  ResourceNotFoundError,
  ServiceUnavailableError,
  ThrottledError,
  TokenRefusedError,
  UserNotFoundError,
} from './errors.ts';
import { describeFault, type Fault, parseFault } from './fault.ts';

/** What an error is judged by, beside itself. */
export interface CallContext {
  readonly operation: Operation;
  /** Empty where the call is about no pool. */
  readonly poolId: string;
  readonly region: string;
  readonly carriesToken: boolean;
  /** True if the call carried the mirror's own filter on `sub`. */
  readonly carriesShardFilter: boolean;
}

/** What to do about a failed attempt, and the error to end with where it is not tried again. */
export interface Verdict {
  readonly action: 'throttled' | 'retry' | 'stop';
  /** The least wait before another attempt, in milliseconds. */
  readonly retryAfterMs: number;
  /** For logs: names and codes alone. */
  readonly reason: string;
  readonly error: Error;
}

interface Row {
  readonly action: Verdict['action'];
  readonly error: (call: CallContext, fault: Fault) => Error;
}

const THROTTLED: Row = {
  action: 'throttled',
  error: (call, fault) =>
    new ThrottledError(
      `${subjectOf(call)}: the service kept throttling (${describeFault(fault)}). Run it again ` +
        'later to go on from here; a lower MIRROR_QUOTA_SHARE leaves more of the quota to others.',
    ),
};

const UNAVAILABLE: Row = {
  action: 'retry',
  error: (call, fault) =>
    new ServiceUnavailableError(
      `${subjectOf(call)}: the service kept failing (${describeFault(fault)}). Run it again ` +
        'later to go on from here.',
    ),
};

const UNREACHABLE: Row = {
  action: 'retry',
  error: (call, fault) =>
    new ServiceUnavailableError(
      `${subjectOf(call)}: the service could not be reached (${describeFault(fault)}). Check the ` +
        'network, and AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER and AWS_ENDPOINT_URL if they ' +
        'are set; then run it again to go on from here.',
    ),
};

const NO_TLS: Row = {
  action: 'stop',
  error: (call, { code }) =>
    new RefusedRequestError([
      {
        subject: subjectOf(call),
        ...(explainTls(code, 'NODE_EXTRA_CA_CERTS=FILE in the environment') as TlsProblem),
      },
    ]),
};

const MALFORMED: Row = {
  action: 'retry',
  error: (call, fault) =>
    new MalformedAnswerError(`${subjectOf(call)} could not be read (${describeFault(fault)})`),
};

const INVALID_PARAMETER: Row = { action: 'stop', error: invalidParameter };

const NOT_FOUND: Row = {
  action: 'stop',
  error: ({ operation, poolId, region }) => new ResourceNotFoundError(operation, poolId, region),
};

const USER_NOT_FOUND: Row = {
  action: 'stop',
  error: ({ poolId }) => new UserNotFoundError(`${poolId}: there is no such user.`),
};

const NOT_AUTHORIZED: Row = {
  action: 'stop',
  error: ({ operation, poolId, region }) => new NotAuthorizedError(operation, poolId, region),
};

const EXPIRED_CREDENTIALS: Row = {
  action: 'stop',
  error: (_, fault) =>
    new CredentialsError(
      `they have expired (${describeFault(fault)}).`,
      'Renew them (`aws sso login`, or a new session token), or use a role that renews them ' +
        'itself; then run it again to go on from here.',
    ),
};

const BAD_CREDENTIALS: Row = {
  action: 'stop',
  error: (_, fault) =>
    new CredentialsError(
      `the service does not take them (${describeFault(fault)}).`,
      'Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or AWS_PROFILE, ' +
        "that they belong to the Region's partition, and that this machine's clock is right.",
    ),
};

const NO_SUCH_OPERATION: Row = {
  action: 'stop',
  error: (call, fault) =>
    new RefusedRequestError([
      {
        subject: subjectOf(call),
        problem: `the server does not know the call (${describeFault(fault)}).`,
        remedy: 'Check AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER and AWS_ENDPOINT_URL.',
      },
    ]),
};

/** The SDK does not know this one yet. It is lasting in a secondary Region, and passes elsewhere. */
const NOT_ENABLED: Row = {
  action: 'stop',
  error: (call, fault) => new OperationNotEnabledError(subjectOf(call), call, describeFault(fault)),
};

const UNKNOWN: Row = {
  action: 'stop',
  error: (call, fault) =>
    new ResumableError(
      `${subjectOf(call)}: the service refused with an error that is not documented for this ` +
        `call (${describeFault(fault)}). Run it again to go on from here.`,
    ),
};

/** Every error by its name, `Exception` left out: the service and its front end spell both ways. */
const BY_NAME: ReadonlyMap<string, Row> = new Map(
  Object.entries({
    TooManyRequests: THROTTLED,
    Throttling: THROTTLED,
    ThrottledRequest: THROTTLED,
    RequestThrottled: THROTTLED,
    RequestLimitExceeded: THROTTLED,
    LimitExceeded: THROTTLED,
    SlowDown: THROTTLED,
    InternalError: UNAVAILABLE,
    InternalFailure: UNAVAILABLE,
    InternalServer: UNAVAILABLE,
    ServiceUnavailable: UNAVAILABLE,
    RequestTimeout: UNREACHABLE,
    TimeoutError: UNREACHABLE,
    InvalidParameter: INVALID_PARAMETER,
    InvalidParameterValue: INVALID_PARAMETER,
    Validation: INVALID_PARAMETER,
    ResourceNotFound: NOT_FOUND,
    UserNotFound: USER_NOT_FOUND,
    NotAuthorized: NOT_AUTHORIZED,
    AccessDenied: NOT_AUTHORIZED,
    ExpiredToken: EXPIRED_CREDENTIALS,
    RequestExpired: BAD_CREDENTIALS,
    UnrecognizedClient: BAD_CREDENTIALS,
    InvalidClientTokenId: BAD_CREDENTIALS,
    InvalidSignature: BAD_CREDENTIALS,
    SignatureDoesNotMatch: BAD_CREDENTIALS,
    IncompleteSignature: BAD_CREDENTIALS,
    MissingAuthenticationToken: BAD_CREDENTIALS,
    UnknownOperation: NO_SUCH_OPERATION,
    OperationNotEnabled: NOT_ENABLED,
  }),
);

/**
 * Judges what an attempt failed with. What did not come from a call of the SDK (a programming
 * error) stops, and is given back as it is.
 */
export function classify(error: unknown, call: CallContext): Verdict {
  if (error instanceof MalformedAnswerError) {
    return { action: 'retry', retryAfterMs: 0, reason: error.name, error };
  }
  // A variable that names no proxy is found where a request is sent.
  if (error instanceof ActionRequiredError) {
    return { action: 'stop', retryAfterMs: 0, reason: error.name, error };
  }
  const trouble = explainAccess(error);
  if (trouble !== null) return judgeAccess(trouble, error as Error, call);
  const fault = parseFault(error);
  if (fault === null) {
    const unknown =
      error instanceof Error ? error : new Error('Something not an error was thrown.');
    return { action: 'stop', retryAfterMs: 0, reason: unknown.name, error: unknown };
  }
  const row = rowOf(fault);
  return {
    action: row.action,
    retryAfterMs: fault.retryAfterMs,
    reason: describeFault(fault),
    error: row.error(call, fault),
  };
}

/** A proxy may carry the next attempt; for credentials the provider has waited already. */
function judgeAccess(
  { subject, problem, remedy, passing }: AccessProblem,
  cause: Error,
  call: CallContext,
): Verdict {
  const isProxy = cause instanceof ProxyError;
  const base = { retryAfterMs: 0, reason: isProxy ? `ProxyError, ${cause.detail}` : cause.name };
  if (passing) {
    const text = `${subjectOf(call)}: ${isProxy ? '' : `${subject}: `}${problem} ${remedy}`;
    const action = isProxy ? 'retry' : 'stop';
    return { ...base, action, error: new ServiceUnavailableError(text) };
  }
  const error = isProxy
    ? new RefusedRequestError([{ subject, problem, remedy }])
    : new CredentialsError(problem, remedy);
  return { ...base, action: 'stop', error };
}

function rowOf(fault: Fault): Row {
  const named = BY_NAME.get(fault.name.replace(/Exception$/, ''));
  if (named) return named;
  if (fault.status === 429) return THROTTLED;
  if (fault.status !== null && fault.status >= 500) return UNAVAILABLE;
  if (explainTls(fault.code, '') !== null) return NO_TLS;
  if (fault.code !== null) return UNREACHABLE;
  // The SDK reads an answer with JSON.parse and by the API's schema, and throws what those throw.
  if (fault.name === 'SyntaxError' || fault.name === 'TypeError') return MALFORMED;
  return UNKNOWN;
}

function invalidParameter(call: CallContext, fault: Fault): Error {
  // A listing may meet the first user that lacks an attribute on a later page.
  if (call.carriesToken && fault.about !== 'attributes') {
    return new TokenRefusedError(
      `${subjectOf(call)}: the service refused a page token (${describeFault(fault)}): tokens ` +
        'last an hour and hold for the same parameters alone. This walk must start again.',
    );
  }
  if (call.carriesShardFilter) {
    return new FilterRefusedError(
      `${subjectOf(call)}: the service refuses to filter by the beginning of sub ` +
        `(${describeFault(fault)}): the pool must be walked in one chain.`,
    );
  }
  return new ParameterRefusedError([
    {
      subject: subjectOf(call),
      problem: `the service refused a parameter (${describeFault(fault)}).`,
      remedy: remedyOf(fault),
    },
  ]);
}

function remedyOf({ about }: Fault): string {
  if (about === 'attributes') {
    return 'Ask for no single attributes: the service refuses where any user lacks one of them.';
  }
  if (about === 'filter') {
    return (
      'A filter is one standard attribute, = or ^=, and a quoted value, such as ' +
      'email ^= "jane"; custom attributes cannot be searched.'
    );
  }
  return 'Check the pool id and the parameters given.';
}

function subjectOf({ operation, poolId }: CallContext): string {
  return poolId === '' ? operation : `${operation} of ${poolId}`;
}
