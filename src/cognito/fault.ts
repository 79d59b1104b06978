/**
 * What messages may repeat of an error that the SDK threw. Its own message, response and cause can
 * quote user names, tokens and attribute values, so they must not leave this file: not in our
 * messages, and not as a `cause` that a logger would print.
 */
export interface Fault {
  /** The service's or the SDK's name of the error; match by it, as subclasses vary. */
  readonly name: string;
  /** The system's code of a network error, such as ECONNRESET. */
  readonly code: string | null;
  /** The HTTP status, if there was an answer. */
  readonly status: number | null;
  readonly requestId: string | null;
  /** The wait that the service requires, in milliseconds. */
  readonly retryAfterMs: number;
  /** The invalid parameter, if the service names one that has a remedy of its own. */
  readonly about: 'attributes' | 'filter' | null;
}

/** Names and codes come from outside, so messages repeat only what has this form. */
const NAME = /^[\w.-]{1,80}$/;

const LONGEST_RETRY_AFTER_MS = 60_000;

/** Null if the error did not come from a call of the SDK. */
export function parseFault(error: unknown): Fault | null {
  if (!(error instanceof Error)) return null;
  const { name, code, $metadata, $response } = error as Error & {
    code?: unknown;
    $metadata?: { httpStatusCode?: number; requestId?: string };
    $response?: { headers?: Record<string, string> };
  };
  if ($metadata === undefined && typeof code !== 'string') return null;
  return {
    name: NAME.test(name) ? name : 'an unnamed error',
    code: typeof code === 'string' && NAME.test(code) ? code : null,
    status: $metadata?.httpStatusCode ?? null,
    requestId: $metadata?.requestId && NAME.test($metadata.requestId) ? $metadata.requestId : null,
    retryAfterMs: parseRetryAfter($response?.headers?.['retry-after']),
    about: findParameter(error.message),
  };
}

/** `TooManyRequestsException, HTTP 400, request 1b9d…`: for messages. */
export function describeFault({ name, code, status, requestId }: Fault): string {
  const parts = [status === null && code !== null ? code : name];
  if (status !== null) parts.push(`HTTP ${status}`);
  if (requestId !== null) parts.push(`request ${requestId}`);
  return parts.join(', ');
}

/** Reads seconds or a date. */
function parseRetryAfter(header: string | undefined): number {
  if (header === undefined) return 0;
  const ms = /^\d+$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? 0 : Math.min(Math.max(ms, 0), LONGEST_RETRY_AFTER_MS);
}

function findParameter(message: string): Fault['about'] {
  if (/requested attributes do not exist/i.test(message)) return 'attributes';
  return /filter|search attribute/i.test(message) ? 'filter' : null;
}
