import stringWidth from 'string-width';
import { MARKS } from './format.ts';

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** The columns that a text takes on a terminal. */
export function measureWidth(text: string): number {
  return stringWidth(text);
}

/** The text in at most `width` columns: where it is cut, it ends with an ellipsis. */
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

/** The text in exactly `width` columns, cut or filled with spaces. */
export function pad(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const shown = truncate(text, width);
  const space = ' '.repeat(Math.max(0, width - measureWidth(shown)));
  return align === 'left' ? shown + space : space + shown;
}

/** The least room that a line is broken to. */
const MIN_ROOM = 10;

/**
 * The text in lines of at most `width` columns, broken between words: the first after `lead`, the
 * others after as many spaces. A word that is wider than a line is broken within.
 */
export function wrap(lead: string, text: string, width: number): string[] {
  const room = Math.max(MIN_ROOM, width - measureWidth(lead));
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ').flatMap((long) => pieces(long, room))) {
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

function pieces(word: string, room: number): string[] {
  if (measureWidth(word) <= room) return [word];
  // What is cut ends with an ellipsis, which is not kept.
  const piece = truncate(word, room).slice(0, -1);
  return [piece, ...pieces(word.slice(piece.length), room)];
}
