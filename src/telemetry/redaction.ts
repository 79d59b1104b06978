import { scrubText } from '../common/redact-url.ts';

/**
 * Removes users' data and credentials from log lines. The code does not log them; this catches
 * mistakes.
 */

/** Keys, in lower case without `_` and `-`, whose values are hidden. */
const SECRET_KEYS = new Set(
  [
    'username user users sub email phone phonenumber givenname familyname preferredusername',
    'identities attributes attribute userattributes members mfaoptions filter row rows item items',
    'params parameters token nexttoken paginationtoken startingtoken authorization password secret',
    'accesskeyid secretaccesskey sessiontoken credentials hashkey pingurl webhookurl webhooksecret',
  ].flatMap((line) => line.split(' ')),
);

const HIDDEN = '[redacted]';
/** Deeper values are cut off, because log lines are flat. */
const MAX_DEPTH = 5;

/**
 * Copies a log line's fields with the values of secret keys hidden. Numbers, booleans and null are
 * kept under any key: they are counts (`users: 12`), never data.
 */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return scrubText(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= MAX_DEPTH) return '[…]';
  if (Array.isArray(value)) return value.map((item) => redact(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      isSecret(key) && !isHarmless(item) ? HIDDEN : redact(item, depth + 1),
    ]),
  );
}

/** Keeps only the safe fields of an error. Some libraries attach whole requests and responses. */
export function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  return {
    name: error.name,
    message: error.message,
    ...('code' in error && typeof error.code === 'string' && { code: error.code }),
    stack: error.stack,
    ...(error.cause instanceof Error && { cause: describeError(error.cause) }),
  };
}

function isSecret(key: string): boolean {
  return SECRET_KEYS.has(key.toLowerCase().replaceAll(/[_-]/g, ''));
}

function isHarmless(value: unknown): boolean {
  return value === null || typeof value === 'number' || typeof value === 'boolean';
}
