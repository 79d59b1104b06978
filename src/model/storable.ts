/**
 * Text that Postgres cannot hold (U+0000, lone surrogates) has one escaped form: every backslash
 * doubled, each odd unit as `\uXXXX` (lower-case hex). Text without an odd unit is kept as it is,
 * so the escaped form is marked in its row (`escaped`), never guessed from the text. Names alone tell
 * by themselves whether they are escaped (`storeName`).
 */

/** Backslashes, U+0000 and surrogates without their other half. */
const TO_ESCAPE = /\\|\0|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** True if Postgres can hold this text as it is. */
export function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}

/** The escaped form of a text that is not storable. */
export function escapeUnstorable(text: string): string {
  return text.replace(TO_ESCAPE, (unit) =>
    unit === '\\' ? '\\\\' : `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The text that `escapeOdd` was given. */
export function unescapeUnstorable(escaped: string): string {
  return escaped.replace(/\\(?:\\|u([0-9a-f]{4}))/g, (_, hex?: string) =>
    hex === undefined ? '\\' : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** What the escaped form of an odd text holds: the form of a unit that Postgres cannot hold. */
const ESCAPED_UNIT = /\\u(?:0000|d[89a-f][0-9a-f]{2})/;

/**
 * The form in which a name is kept. A name is a key, which must be no other's, and goes where no
 * `escaped` stands beside it: so one that only looks like an escaped one is escaped as well. What
 * holds an escaped unit is thereby escaped, and nothing else is.
 */
export function encodeName(name: string): string {
  return isStorable(name) && !ESCAPED_UNIT.test(name) ? name : escapeUnstorable(name);
}

/** The name that `storeName` was given: what the service knows it by. */
export function decodeName(stored: string): string {
  return ESCAPED_UNIT.test(stored) ? unescapeUnstorable(stored) : stored;
}
