import { widthOf } from './fit.ts';
import { Table, type TableColumn } from './table.ts';

/** A column of what rows have in common; those of least `weight` give way where lines are short. */
export interface FittedColumn<Row> extends TableColumn {
  readonly weight: number;
  readonly text: (row: Row) => string;
}

const SEPARATOR = 3;

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
    width: Math.max(widthOf(column.name), ...rows.map((row) => widthOf(column.text(row)))),
  }));
  const total = () => shown.reduce((sum, column) => sum + column.width + SEPARATOR, -SEPARATOR);
  while (shown.length > 2 && total() > width) {
    const least = Math.min(...shown.map(({ column }) => column.weight));
    shown.splice(
      shown.findIndex(({ column }) => column.weight === least),
      1,
    );
  }
  return shown.map(({ column }) => column);
}
