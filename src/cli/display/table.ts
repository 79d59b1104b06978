import { printable } from '../../index.ts';
import { measureWidth, pad, truncate } from './text-width.ts';

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
      Math.max(
        measureWidth(printable(name)),
        ...sample.map((row) => measureWidth(cell(row[index]))),
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
      const text = cell(values[index]);
      const isLast = index === this.#widths.length - 1;
      const align = this.#columns[index]?.align ?? 'left';
      return isLast && align === 'left' ? truncate(text, width) : pad(text, width, align);
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

/** A column of what rows have in common; those of least `weight` give way where lines are short. */
export interface FittedColumn<Row> extends TableColumn {
  readonly weight: number;
  readonly text: (row: Row) => string;
}

/**
 * The lines of a table of at most `width` columns. Whole columns give way, as long as two are left: a
 * number that is cut would be another number.
 */
export function fittedTable<Row>(
  columns: readonly FittedColumn<Row>[],
  rows: readonly Row[],
  width: number,
): string[] {
  const left = fittingColumns(columns, rows, width);
  const texts = rows.map((row) => left.map((column) => column.text(row)));
  const table = new Table(left, texts, width);
  return `${table.header}${table.rows(texts)}`.split('\n').slice(0, -1);
}

/** The columns that have room in such a table. */
export function fittingColumns<Row>(
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

/** With less room than this for each column, a table would show the beginnings of values alone. */
const LEAST_FOR_COLUMN = 13;

type Rows = readonly (readonly (string | null)[])[];

/** True where a table of these rows does not fit `width`, and would cut most of its values. */
export function isTooNarrow(names: readonly string[], rows: Rows, width: number): boolean {
  if (width >= names.length * LEAST_FOR_COLUMN) return false;
  const natural = names.map((name, column) =>
    Math.max(measureWidth(name), ...rows.map((row) => measureWidth(printable(row[column] ?? '')))),
  );
  return natural.reduce((sum, each) => sum + each + SEPARATOR.length, -SEPARATOR.length) > width;
}

/**
 * Rows with a line for each column, as psql shows them with `\x`: for a terminal that is too narrow
 * for a table. NULL is empty, and what a terminal would act on is shown escaped.
 *
 * @param first the number of the first row.
 */
export function verticalRows(
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
