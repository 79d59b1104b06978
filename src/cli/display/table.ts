import { printable } from '../../telemetry/printable.ts';
import { cut, pad, widthOf } from './fit.ts';

export interface TableColumn {
  readonly name: string;
  readonly align?: 'left' | 'right';
}

const MIN_WIDTH = 4;
const SEPARATOR = ' | ';

/**
 * Lays rows out as a table whose lines fit `lineWidth` columns: wide values are cut, and what a
 * terminal would act on is shown escaped. Column widths follow the rows given at first, so that
 * more rows can come one batch after another.
 */
export class Table {
  readonly #columns: readonly TableColumn[];
  readonly #widths: readonly number[];

  constructor(columns: readonly TableColumn[], sample: readonly TextRow[], lineWidth: number) {
    this.#columns = columns;
    const natural = columns.map(({ name }, index) =>
      Math.max(widthOf(printable(name)), ...sample.map((row) => widthOf(cell(row[index])))),
    );
    const separators = SEPARATOR.length * (columns.length - 1);
    this.#widths = shrink(natural, lineWidth - separators);
  }

  get header(): string {
    const names = this.#columns.map(({ name }) => name);
    const rule = this.#widths.map((width) => '-'.repeat(width)).join('-+-');
    return `${this.#line(names)}\n${rule}\n`;
  }

  rows(rows: readonly TextRow[]): string {
    return rows.map((row) => `${this.#line(row)}\n`).join('');
  }

  #line(values: TextRow): string {
    const cells = this.#widths.map((width, index) => {
      const text = cell(values[index]);
      const isLast = index === this.#widths.length - 1;
      const align = this.#columns[index]?.align ?? 'left';
      return isLast && align === 'left' ? cut(text, width) : pad(text, width, align);
    });
    return cells.join(SEPARATOR);
  }
}

type TextRow = readonly (string | null)[];

function cell(value: string | null | undefined): string {
  return printable(value ?? '');
}

/** Cuts the widest columns to one common width, so that all together take at most `total`. */
function shrink(widths: readonly number[], total: number): number[] {
  let cap = Math.max(MIN_WIDTH, ...widths);
  const sum = () => widths.reduce((all, width) => all + Math.min(width, cap), 0);
  while (cap > MIN_WIDTH && sum() > total) {
    // What exceeds the line is taken from the columns that have the cap's width, evenly.
    const capped = widths.filter((width) => width >= cap).length;
    cap = Math.max(
      MIN_WIDTH,
      cap - Math.max(1, Math.floor((sum() - total) / widths.length / capped)),
    );
  }
  return widths.map((width) => Math.min(width, cap));
}
