import stringWidth from 'string-width';

const { LC_ALL, LC_CTYPE, LANG } = process.env;

/** Empty if none is set, as in containers. Their terminals mostly support UTF-8. */
const locale = LC_ALL || LC_CTYPE || LANG || '';

/** Marks that the terminal can show: ASCII if the locale is not UTF-8. */
export const MARKS =
  locale === '' || /utf-?8/i.test(locale)
    ? { full: '█', empty: '░', more: '…', arrow: '→' }
    : { full: '#', empty: '-', more: '~', arrow: '->' };

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** The columns that a text occupies on a terminal. */
export function measureWidth(text: string): number {
  return stringWidth(text);
}

/** The text in at most `width` columns. Text that is cut ends with an ellipsis. */
export function truncate(text: string, width: number): string {
  if (measureWidth(text) <= width) return text;
  let kept = '';
  let used = 0;
  for (const { segment } of graphemes.segment(text)) {
    used += measureWidth(segment);
    if (used > width - 1) break;
    kept += segment;
  }
  return width > 0 ? kept + MARKS.more : '';
}

/** The text in exactly `width` columns, cut or padded with spaces. */
export function pad(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const shown = truncate(text, width);
  const space = ' '.repeat(Math.max(0, width - measureWidth(shown)));
  return align === 'left' ? shown + space : space + shown;
}

/** Lines are not wrapped to less than this. */
const MIN_ROOM = 10;

/**
 * Wraps the text to lines of at most `width` columns: the first starts with `lead`, the others with as
 * many spaces. A word that is wider than a line is split.
 */
export function wrap(lead: string, text: string, width: number): string[] {
  const room = Math.max(MIN_ROOM, width - measureWidth(lead));
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ').flatMap((long) => splitWord(long, room))) {
    if (line !== '' && measureWidth(line) + 1 + measureWidth(word) > room) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  const indent = ' '.repeat(measureWidth(lead));
  return [...lines, line].map((part, index) => (index === 0 ? lead : indent) + part);
}

function splitWord(word: string, room: number): string[] {
  if (measureWidth(word) <= room) return [word];
  // Drops the ellipsis that `truncate` adds.
  const piece = truncate(word, room).slice(0, -1);
  return [piece, ...splitWord(word.slice(piece.length), room)];
}
