/** The words of a bash command line up to the cursor, as bash would read them. */
export interface BashLine {
  readonly words: readonly string[];
  /** The last word as it is typed. */
  readonly raw: string;
  /** The quote that is open at the cursor. */
  readonly quote: '' | '"' | "'";
}

/** Splits a command line by the rules of quotes and backslashes. Nothing in it is expanded or run. */
export function splitBashLine(line: string): BashLine {
  const words: string[] = [];
  let word = '';
  let raw = '';
  let quote: BashLine['quote'] = '';
  for (let at = 0; at < line.length; at += 1) {
    const char = line[at] as string;
    if (quote === '' && /\s/.test(char)) {
      if (raw !== '') words.push(word);
      word = '';
      raw = '';
      continue;
    }
    raw += char;
    if (char === '\\' && quote !== "'" && at + 1 < line.length) {
      at += 1;
      const next = line[at] as string;
      raw += next;
      word += quote === '"' && !/["\\$`]/.test(next) ? `\\${next}` : next;
    } else if (quote === '' && (char === '"' || char === "'")) {
      quote = char;
    } else if (char === quote) {
      quote = '';
    } else {
      word += char;
    }
  }
  return { words: [...words, word], raw, quote };
}

/**
 * A word as bash has to insert it, so that it stays that word; null if it cannot be written inside the
 * open quote.
 *
 * @param piece what bash takes for the word: it also splits at `:` and `=`
 */
export function quoteForBash(word: string, { raw, quote }: BashLine, piece: string): string | null {
  if (quote === "'") return word.includes("'") ? null : word;
  if (quote === '"') return word.replace(/["\\$`]/g, '\\$&');
  const quoted = word.replace(/[^\p{L}\p{N}_@%+,./:=-]/gu, '\\$&');
  const kept = raw.slice(0, raw.length - (/^[:=]+$/.test(piece) ? 0 : piece.length));
  if (kept === '' || !raw.endsWith(piece)) return quoted;
  return quoted.startsWith(kept) ? quoted.slice(kept.length) : null;
}
