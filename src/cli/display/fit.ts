import stringWidth from 'string-width';
import { MARKS } from './marks.ts';

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** The columns that a text takes on a terminal. */
export function widthOf(text: string): number {
  return stringWidth(text);
}

/** The text in at most `width` columns: where it is cut, it ends with an ellipsis. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let kept = '';
  let used = 0;
  for (const { segment } of graphemes.segment(text)) {
    used += widthOf(segment);
    if (used > width - 1) break;
    kept += segment;
  }
  return width > 0 ? kept + MARKS.more : '';
}

/** The text in exactly `width` columns, cut or filled with spaces. */
export function pad(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const shown = cut(text, width);
  const space = ' '.repeat(Math.max(0, width - widthOf(shown)));
  return align === 'left' ? shown + space : space + shown;
}
