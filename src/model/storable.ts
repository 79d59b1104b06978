/**
 * Text that Postgres cannot store (U+0000, lone surrogates) has one escaped form: every backslash
 * doubled, each unstorable unit as `\uXXXX` in lower-case hex. Other text is stored unchanged, so the
 * row marks escaped fields in `escaped`. Names need no mark: see `encodeName`.
 */

/** Backslashes, U+0000 and lone surrogates. */
const TO_ESCAPE = /\\|\0|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** Returns true if Postgres can store this text unchanged. */
export function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}

/** Escapes a text that is not storable. */
export function escapeUnstorable(text: string): string {
  return text.replace(TO_ESCAPE, (unit) =>
    unit === '\\' ? '\\\\' : `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Reverses `escapeUnstorable`. */
export function unescapeUnstorable(escaped: string): string {
  return escaped.replace(/\\(?:\\|u([0-9a-f]{4}))/g, (_, hex?: string) =>
    hex === undefined ? '\\' : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** An escaped unit, which only the escaped form of an unstorable text contains. */
const ESCAPED_UNIT = /\\u(?:0000|d[89a-f][0-9a-f]{2})/;

/**
 * Encodes a name for the database. Names are keys without a mark in `escaped`, so a name that only
 * looks escaped is escaped too. A stored name is therefore escaped exactly if it has an escaped unit.
 */
export function encodeName(name: string): string {
  return isStorable(name) && !ESCAPED_UNIT.test(name) ? name : escapeUnstorable(name);
}

/** Reverses `encodeName`: returns the name that the service uses. */
export function decodeName(stored: string): string {
  return ESCAPED_UNIT.test(stored) ? unescapeUnstorable(stored) : stored;
}
