import { randomInt } from 'node:crypto';

/** Letters outside hexadecimal, so that no hash looks like a mark. */
const LETTERS = 'ghijklmnopqrstuvwxyz';
const WORD_LENGTH = 8;

/**
 * Texts that must come out nowhere, each of a kind, such as an e-mail address or a password; and
 * the search for them, whole or in part, as they are or encoded.
 */
export class Marks {
  readonly #forms = new Map<string, readonly string[]>();

  /**
   * A text for values of a kind: one random word again and again, so that messages that quote a few
   * letters of a value, as those of parsers do, are found as well.
   */
  word(kind: string): string {
    const word = Array.from({ length: WORD_LENGTH }, () => LETTERS[randomInt(LETTERS.length)]);
    this.add(kind, word.join(''));
    return word.join('').repeat(3);
  }

  /** Notes a text that came from elsewhere, such as a password. */
  add(kind: string, text: string): string {
    if (text.length < WORD_LENGTH) throw new RangeError('So short a text is found anywhere.');
    this.#forms.set(kind, formsOf(text));
    return text;
  }

  /** The kinds that a text holds. */
  in(text: string): string[] {
    const lower = text.toLowerCase();
    return [...this.#forms]
      .filter(([, forms]) => forms.some((form) => text.includes(form) || lower.includes(form)))
      .map(([kind]) => kind);
  }
}

/** How a text may be written: as it is, in lower case, for a URL, within JSON, in hex, in base64. */
function formsOf(text: string): string[] {
  const bytes = Buffer.from(text);
  const plain = [text, text.toLowerCase()];
  const written = plain.flatMap((each) => [
    each,
    encodeURIComponent(each),
    JSON.stringify(each).slice(1, -1),
  ]);
  return [...new Set([...written, bytes.toString('hex'), ...base64Of(bytes)])];
}

/** Within a longer text a byte begins at any of three places of a base64 digit's four. */
function base64Of(bytes: Buffer): string[] {
  return [0, 1, 2].flatMap((before) => {
    const whole = Buffer.concat([Buffer.alloc(before), bytes]);
    const from = Math.ceil((before * 8) / 6);
    const to = Math.floor((whole.length * 8) / 6);
    return (['base64', 'base64url'] as const).map((encoding) =>
      whole.toString(encoding).slice(from, to),
    );
  });
}
