import { printable } from '../../common/printable.ts';
import { measureWidth, pad, truncate } from './text-width.ts';

interface TableColumn {
  readonly name: string;
  readonly align?: 'left' | 'right';
}

const MIN_WIDTH = 4;
const SEPARATOR = ' | ';

/**
 * A table in lines of at most `lineWidth` columns. Wide values are cut, and control characters are
 * escaped. The sample decides the widths of the columns, so that rows can follow in batches.
 */
export class Table {
  readonly #columns: readonly TableColumn[];
  readonly #widths: readonly number[];

  constructor(columns: readonly TableColumn[], sample: readonly TextRow[], lineWidth: number) {
    this.#columns = columns;
    const natural = columns.map(({ name }, index) =>
      Math.max(
        measureWidth(printable(name)),
        ...sample.map((row) => measureWidth(toCell(row[index]))),
      ),
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
      const text = toCell(values[index]);
      const isLast = index === this.#widths.length - 1;
      const align = this.#columns[index]?.align ?? 'left';
      return isLast && align === 'left' ? truncate(text, width) : pad(text, width, align);
    });
    return cells.join(SEPARATOR);
  }
}

type TextRow = readonly (string | null)[];

function toCell(value: string | null | undefined): string {
  return printable(value ?? '');
}

/** Cuts the widest columns to a common width, so that all columns fit `total`. */
function shrink(widths: readonly number[], total: number): number[] {
  let cap = Math.max(MIN_WIDTH, ...widths);
  const sum = () => widths.reduce((all, width) => all + Math.min(width, cap), 0);
  while (cap > MIN_WIDTH && sum() > total) {
    // Takes the excess evenly from the columns that have the width of the cap.
    const capped = widths.filter((width) => width >= cap).length;
    cap = Math.max(
      MIN_WIDTH,
      cap - Math.max(1, Math.floor((sum() - total) / widths.length / capped)),
    );
  }
  return widths.map((width) => Math.min(width, cap));
}

/** A column that can be left out: those with the smallest `weight` go first on short lines. */
export interface FittedColumn<Row> extends TableColumn {
  readonly weight: number;
  readonly text: (row: Row) => string;
}

/**
 * A table in lines of at most `width` columns. Leaves out whole columns, down to two, because a number
 * that is cut would be wrong.
 */
export function formatTable<Row>(
  columns: readonly FittedColumn<Row>[],
  rows: readonly Row[],
  width: number,
): string[] {
  const chosen = chooseColumns(columns, rows, width);
  const texts = rows.map((row) => chosen.map((column) => column.text(row)));
  const table = new Table(chosen, texts, width);
  return `${table.header}${table.rows(texts)}`.split('\n').slice(0, -1);
}

/** The columns that fit into `width`. */
export function chooseColumns<Row>(
  columns: readonly FittedColumn<Row>[],
  rows: readonly Row[],
  width: number,
): FittedColumn<Row>[] {
  const shown = columns.map((column) => ({
    column,
    width: Math.max(
      measureWidth(column.name),
      ...rows.map((row) => measureWidth(column.text(row))),
    ),
  }));
  const total = () =>
    shown.reduce((sum, column) => sum + column.width + SEPARATOR.length, -SEPARATOR.length);
  while (shown.length > 2 && total() > width) {
    const least = Math.min(...shown.map(({ column }) => column.weight));
    shown.splice(
      shown.findIndex(({ column }) => column.weight === least),
      1,
    );
  }
  return shown.map(({ column }) => column);
}

/** With less width per column, a table would cut most values to their first letters. */
const MIN_PER_COLUMN = 13;

type Rows = readonly (readonly (string | null)[])[];

/** True if a table of these rows would cut most of its values to fit `width`. */
export function isTooNarrow(names: readonly string[], rows: Rows, width: number): boolean {
  if (width >= names.length * MIN_PER_COLUMN) return false;
  const natural = names.map((name, column) =>
    Math.max(measureWidth(name), ...rows.map((row) => measureWidth(printable(row[column] ?? '')))),
  );
  return natural.reduce((sum, each) => sum + each + SEPARATOR.length, -SEPARATOR.length) > width;
}

/**
 * Rows with a line for each column, like `\x` in psql, for terminals that are too narrow for a table.
 * NULL is empty, and control characters are escaped.
 *
 * @param first the number of the first row.
 */
export function formatVertically(
  names: readonly string[],
  rows: Rows,
  first: number,
  width: number,
): string {
  const room = Math.max(...names.map((name) => measureWidth(printable(name))));
  return rows
    .map((row, index) => {
      const head = `-[ ${first + index} ]`;
      const lines = names.map(
        (name, column) => `${pad(printable(name), room)} | ${printable(row[column] ?? '')}`,
      );
      return [head, ...lines].map((line) => `${truncate(line, width)}\n`).join('');
    })
    .join('');
}
