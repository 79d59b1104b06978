/**
 * Text that Postgres cannot hold (U+0000, lone surrogates) has one escaped form: every backslash
 * doubled, each odd unit as `\uXXXX` (lower-case hex). Text without an odd unit is kept as it is,
 * so the escaped form is marked in its row (`escaped`), never guessed from the text.
 */

/** Backslashes, U+0000 and surrogates without their other half. */
const TO_ESCAPE = /\\|\0|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** True if Postgres can hold this text as it is. */
export function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}

/** The escaped form of a text that is not storable. */
export function escapeOdd(text: string): string {
  return text.replace(TO_ESCAPE, (unit) =>
    unit === '\\' ? '\\\\' : `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The text that `escapeOdd` was given. */
export function unescapeOdd(escaped: string): string {
  return escaped.replace(/\\(?:\\|u([0-9a-f]{4}))/g, (_, hex?: string) =>
    hex === undefined ? '\\' : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
