/**
 * What a terminal would act on rather than show: controls (Cc; escape sequences begin with one),
 * format characters (Cf; among them the marks that change the order of the text around them), line
 * separators, and halves of surrogate pairs. Joiners are left: emoji and some scripts need them.
 */
const ACTIVE = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** The text with everything that a terminal would act on in a visible, escaped form. */
export function printable(text: string): string {
  return text.replace(ACTIVE, (unit) => SHORT[unit] ?? escapeCodePoint(unit));
}

/** Text that holds nothing of `ACTIVE`, as most does, found out quickly. */
const PLAIN = /^[ -~]*$/;

/**
 * A value as JSON in which everything that a terminal would act on is in JSON's own escaped form: to a
 * program it is the same document.
 */
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
