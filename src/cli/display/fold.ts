import { printable } from '../../common/printable.ts';
import { measureWidth } from './text-width.ts';

/** A command in backquotes, with the sign after it, or a word. */
const UNITS = /`[^`]*`\S*|\S+/g;

/**
 * Wraps a text between words, but never within a command, which people copy. The first line starts with
 * `lead`, the others with as many spaces.
 */
export function fold(lead: string, text: string, width: number): string[] {
  const lines: string[] = [];
  let line = lead;
  for (const unit of printable(text).match(UNITS) ?? []) {
    const isEmpty = line === lead || line.trim() === '';
    if (!isEmpty && measureWidth(line) + 1 + measureWidth(unit) > width) {
      lines.push(line);
      line = ' '.repeat(measureWidth(lead)) + unit;
    } else {
      line += isEmpty ? unit : ` ${unit}`;
    }
  }
  return [...lines, line];
}
