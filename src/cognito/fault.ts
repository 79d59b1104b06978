/**
 * What may be told of an error that the SDK threw. Its message, its response and its cause can
 * quote user names, tokens and attribute values, so none of them goes further than this file:
 * not into our messages, and not as a `cause` that a logger would print.
 */
export interface Fault {
  /** The service's or the SDK's name of the error; match by it, as subclasses vary. */
  readonly name: string;
  /** The system's code of a network error, such as ECONNRESET. */
  readonly code: string | null;
  /** The HTTP status, where there was an answer. */
  readonly status: number | null;
  readonly requestId: string | null;
  /** How long the service asks to wait, in milliseconds. */
  readonly retryAfterMs: number;
  /** Where the service says which parameter is invalid, as far as that helps to tell a remedy. */
  readonly about: 'attributes' | 'filter' | null;
}

/** Names and codes come from outside: only what looks like one is repeated. */
const NAME = /^[\w.-]{1,80}$/;

const LONGEST_RETRY_AFTER_MS = 60_000;

/** Reads what is known of an error, or null where it did not come from a call of the SDK. */
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
    retryAfterMs: retryAfter($response?.headers?.['retry-after']),
    about: aboutOf(error.message),
  };
}

/** `TooManyRequestsException, HTTP 400, request 1b9d…`: for messages. */
export function describeFault({ name, code, status, requestId }: Fault): string {
  const parts = [status === null && code !== null ? code : name];
  if (status !== null) parts.push(`HTTP ${status}`);
  if (requestId !== null) parts.push(`request ${requestId}`);
  return parts.join(', ');
}

/** Seconds or a date, by HTTP's rules. */
function retryAfter(header: string | undefined): number {
  if (header === undefined) return 0;
  const ms = /^\d+$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? 0 : Math.min(Math.max(ms, 0), LONGEST_RETRY_AFTER_MS);
}

function aboutOf(message: string): Fault['about'] {
  if (/requested attributes do not exist/i.test(message)) return 'attributes';
  return /filter|search attribute/i.test(message) ? 'filter' : null;
}
