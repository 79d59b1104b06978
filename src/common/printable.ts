/**
 * Characters that a terminal acts on: controls (Cc, which start escape sequences), format characters
 * (Cf, which include marks that reorder text), line separators and lone surrogates. Joiners are
 * excluded, because emoji and some scripts need them.
 */
const ACTIVE = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Escapes every character that a terminal acts on. */
export function printable(text: string): string {
  return text.replace(ACTIVE, (unit) => SHORT[unit] ?? escapeCodePoint(unit));
}

/** A fast test for text without such characters. */
const PLAIN = /^[ -~]*$/;

/** Formats a value as JSON with such characters in JSON's own escapes: an equal document. */
export function printableJson(value: unknown): string {
  const json = JSON.stringify(value);
  return PLAIN.test(json) ? json : json.replace(ACTIVE, escapeUnits);
}

function escapeUnits(character: string): string {
  return Array.from(
    { length: character.length },
    (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`,
  ).join('');
}

function escapeCodePoint(unit: string): string {
  const hex = (unit.codePointAt(0) ?? 0).toString(16);
  return hex.length > 4 ? `\\u{${hex}}` : `\\u${hex.padStart(4, '0')}`;
}
