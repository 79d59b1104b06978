import { cut, widthOf } from './fit.ts';

/** The least room that a line is broken to. */
const MIN_ROOM = 10;

/**
 * The text in lines of at most `width` columns, broken between words: the first after `lead`, the
 * others after as many spaces. A word that is wider than a line is broken within.
 */
export function wrap(lead: string, text: string, width: number): string[] {
  const room = Math.max(MIN_ROOM, width - widthOf(lead));
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ').flatMap((long) => pieces(long, room))) {
    if (line !== '' && widthOf(line) + 1 + widthOf(word) > room) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  const indent = ' '.repeat(widthOf(lead));
  return [...lines, line].map((part, index) => (index === 0 ? lead : indent) + part);
}

function pieces(word: string, room: number): string[] {
  if (widthOf(word) <= room) return [word];
  // What is cut ends with an ellipsis, which is not kept.
  const piece = cut(word, room).slice(0, -1);
  return [piece, ...pieces(word.slice(piece.length), room)];
}
