import { type AccessProblem, explainAccess } from '../aws/access-error.ts';
import { ActionRequiredError, ResumableError } from '../model/errors.ts';
import { explainTls, type TlsProblem } from '../model/tls-errors.ts';
import { isWrite, type Operation } from '../quota/quotas.ts';
import { ProxyError } from '../web/proxy.ts';
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
  WriteRefusedError,
} from './errors.ts';
import { describeFault, type Fault, parseFault } from './fault.ts';
import { findWriteRefusal, type WriteRefusal } from './write-refusals.ts';

/** The call that an error happened to. */
export interface CallContext {
  readonly operation: Operation;
  /** Empty if the call is not about one pool. */
  readonly poolId: string;
  readonly region: string;
  readonly carriesToken: boolean;
  /** True if the call carried the mirror's own filter on `sub`. */
  readonly carriesShardFilter: boolean;
}

/** What to do about a failed attempt, and the error to throw if it is not repeated. */
export interface Verdict {
  readonly action: 'throttled' | 'retry' | 'stop';
  /** The minimum wait before another attempt, in milliseconds. */
  readonly retryAfterMs: number;
  /** For logs: only names and codes. */
  readonly reason: string;
  readonly error: Error;
}

/** A failed attempt with its verdict. */
export class AttemptFailed extends Error {
  readonly verdict: Verdict;

  constructor(verdict: Verdict) {
    super(verdict.reason);
    this.verdict = verdict;
  }
}

/** One row of the table. */
interface Row {
  readonly action: Verdict['action'];
  readonly error: (call: CallContext, fault: Fault) => Error;
}

const THROTTLED: Row = {
  action: 'throttled',
  error: (call, fault) =>
    new ThrottledError(
      `${nameCall(call)}: the service kept throttling (${describeFault(fault)}). Run it again ` +
        'later to resume. A lower MIRROR_QUOTA_SHARE leaves more of the quota to other programs.',
    ),
};

const UNAVAILABLE: Row = {
  action: 'retry',
  error: (call, fault) =>
    new ServiceUnavailableError(
      `${nameCall(call)}: the service kept failing (${describeFault(fault)}). Run it again ` +
        'later to resume.',
    ),
};

const UNREACHABLE: Row = {
  action: 'retry',
  error: (call, fault) =>
    new ServiceUnavailableError(
      `${nameCall(call)}: the service could not be reached (${describeFault(fault)}). Check the ` +
        'network, and AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER and AWS_ENDPOINT_URL if they ' +
        'are set; then run it again to resume.',
    ),
};

const NO_TLS: Row = {
  action: 'stop',
  error: (call, { code }) =>
    new RefusedRequestError([
      {
        subject: nameCall(call),
        ...(explainTls(code, 'NODE_EXTRA_CA_CERTS=FILE in the environment') as TlsProblem),
      },
    ]),
};

const MALFORMED: Row = {
  action: 'retry',
  error: (call, fault) =>
    new MalformedAnswerError(`${nameCall(call)} could not be read (${describeFault(fault)})`),
};

const INVALID_PARAMETER: Row = { action: 'stop', error: explainInvalidParameter };

const NOT_FOUND: Row = {
  action: 'stop',
  error: ({ operation, poolId, region }) => new ResourceNotFoundError(operation, poolId, region),
};

const USER_NOT_FOUND: Row = {
  action: 'stop',
  error: ({ poolId }) => new UserNotFoundError(`${poolId}: the user does not exist.`),
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
        'itself; then run it again to resume.',
    ),
};

const BAD_CREDENTIALS: Row = {
  action: 'stop',
  error: (_, fault) =>
    new CredentialsError(
      `the service rejects them (${describeFault(fault)}).`,
      'Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or AWS_PROFILE. ' +
        "They must belong to the Region's partition, and this machine's clock must be right.",
    ),
};

const NO_SUCH_OPERATION: Row = {
  action: 'stop',
  error: (call, fault) =>
    new RefusedRequestError([
      {
        subject: nameCall(call),
        problem: `the server does not support the call (${describeFault(fault)}).`,
        remedy: 'Check AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER and AWS_ENDPOINT_URL.',
      },
    ]),
};

/** Not in the SDK yet. Permanent in a secondary Region, temporary elsewhere. */
const NOT_ENABLED: Row = {
  action: 'stop',
  error: (call, fault) => new OperationNotEnabledError(nameCall(call), call, describeFault(fault)),
};

const UNKNOWN: Row = {
  action: 'stop',
  error: (call, fault) =>
    new ResumableError(
      `${nameCall(call)}: the service refused with an error that is not documented for this ` +
        `call (${describeFault(fault)}). Run it again to resume.`,
    ),
};

/** Errors by name without `Exception`: the service and its front end spell both ways. */
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
    ConcurrentModification: UNAVAILABLE,
  }),
);

/**
 * Decides what to do about the error of an attempt. An error that did not come from a call of the
 * SDK is a defect: it stops the call and is thrown unchanged.
 */
export function classify(error: unknown, call: CallContext): Verdict {
  if (error instanceof MalformedAnswerError) {
    return { action: 'retry', retryAfterMs: 0, reason: error.name, error };
  }
  // A proxy variable that does not name a proxy: the request handler found it.
  if (error instanceof ActionRequiredError) {
    return { action: 'stop', retryAfterMs: 0, reason: error.name, error };
  }
  const problem = explainAccess(error);
  if (problem !== null) return classifyAccess(problem, error as Error, call);
  const fault = parseFault(error);
  if (fault === null) {
    const unknown =
      error instanceof Error ? error : new Error('A value that is not an Error was thrown.');
    return { action: 'stop', retryAfterMs: 0, reason: unknown.name, error: unknown };
  }
  const row = findRow(fault, call);
  return {
    action: row.action,
    retryAfterMs: fault.retryAfterMs,
    reason: describeFault(fault),
    error: row.error(call, fault),
  };
}

/** A proxy may carry the next attempt. For credentials the provider has already waited. */
function classifyAccess(
  { subject, problem, remedy, temporary }: AccessProblem,
  cause: Error,
  call: CallContext,
): Verdict {
  const isProxy = cause instanceof ProxyError;
  const base = { retryAfterMs: 0, reason: isProxy ? `ProxyError, ${cause.detail}` : cause.name };
  if (temporary) {
    const text = `${nameCall(call)}: ${isProxy ? '' : `${subject}: `}${problem} ${remedy}`;
    const action = isProxy ? 'retry' : 'stop';
    return { ...base, action, error: new ServiceUnavailableError(text) };
  }
  const error = isProxy
    ? new RefusedRequestError([{ subject, problem, remedy }])
    : new CredentialsError(problem, remedy);
  return { ...base, action: 'stop', error };
}

function findRow(fault: Fault, { operation }: CallContext): Row {
  const name = fault.name.replace(/Exception$/, '');
  const refusal = isWrite(operation) ? findWriteRefusal(name, operation) : null;
  if (refusal !== null)
    return { action: 'stop', error: (call) => explainRefusal(refusal, call, fault) };
  const named = BY_NAME.get(name);
  if (named) return named;
  if (fault.status === 429) return THROTTLED;
  if (fault.status !== null && fault.status >= 500) return UNAVAILABLE;
  if (explainTls(fault.code, '') !== null) return NO_TLS;
  if (fault.code !== null) return UNREACHABLE;
  // The SDK parses an answer by JSON.parse and the API's schema, and throws their errors.
  if (fault.name === 'SyntaxError' || fault.name === 'TypeError') return MALFORMED;
  return UNKNOWN;
}

function explainRefusal(
  { failure, problem, remedy }: WriteRefusal,
  call: CallContext,
  fault: Fault,
): Error {
  return new WriteRefusedError(failure, {
    subject: nameCall(call),
    problem: `${problem} (${describeFault(fault)}).`,
    remedy,
  });
}

function explainInvalidParameter(call: CallContext, fault: Fault): Error {
  // The first user without a requested attribute may be on a later page.
  if (call.carriesToken && fault.about !== 'attributes') {
    return new TokenRefusedError(
      `${nameCall(call)}: the service refused a page token (${describeFault(fault)}). A token is ` +
        'valid for an hour and for the same parameters. This walk must start again.',
    );
  }
  if (call.carriesShardFilter) {
    return new FilterRefusedError(
      `${nameCall(call)}: the service refuses to filter by a prefix of sub ` +
        `(${describeFault(fault)}). The pool must be read in a single chain.`,
    );
  }
  return new ParameterRefusedError([
    {
      subject: nameCall(call),
      problem: `the service refused a parameter (${describeFault(fault)}).`,
      remedy: suggestRemedy(fault),
    },
  ]);
}

function suggestRemedy({ about }: Fault): string {
  if (about === 'attributes') {
    return 'List no attributes: the service refuses if any user lacks one of them.';
  }
  if (about === 'filter') {
    return (
      'Use a filter of one standard attribute, = or ^=, and a quoted value, such as ' +
      'email ^= "jane". Custom attributes cannot be searched.'
    );
  }
  return 'Check the pool id and the other parameters.';
}

function nameCall({ operation, poolId }: CallContext): string {
  return poolId === '' ? operation : `${operation} of ${poolId}`;
}
