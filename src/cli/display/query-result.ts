import { formatCount, printable, type QueryColumn, type TextRow } from '../../index.ts';
import { outputWidth, writeOut } from '../output.ts';
import { isTooNarrow, Table, verticalRows } from './table.ts';

/** The rows of a result, as they come. */
export type Batches = AsyncIterable<readonly TextRow[]>;

/**
 * Prints a result as a table, cut to the width of the terminal, and the number of its rows. Where the
 * terminal is too narrow for so many columns, each value has a line.
 */
export async function printTable(columns: readonly QueryColumn[], batches: Batches): Promise<void> {
  const layout = columns.map((column) => ({
    name: column.name,
    align: column.isNumeric ? ('right' as const) : ('left' as const),
  }));
  const width = outputWidth();
  const names = columns.map(({ name }) => name);
  let isUpright: boolean | null = null;
  let table: Table | null = null;
  let count = 0;
  for await (const rows of batches) {
    const texts = rows.map((row) => formatCells(columns, row));
    // The first rows decide, as they do about the widths of a table.
    isUpright ??= isTooNarrow(names, texts, width);
    if (isUpright) {
      await writeOut(verticalRows(names, texts, count + 1, width));
      count += rows.length;
      continue;
    }
    const first = table === null;
    table ??= new Table(layout, texts, width);
    await writeOut((first ? table.header : '') + table.rows(texts));
    count += rows.length;
  }
  if (table === null && !isUpright) await writeOut(new Table(layout, [], width).header);
  await writeOut(count === 1 ? '(1 row)\n' : `(${formatCount(count)} rows)\n`);
}

/** A row's values as text for people. */
export function formatCells(columns: readonly QueryColumn[], row: TextRow): (string | null)[] {
  return columns.map((column, index) => column.toText(row[index] ?? null));
}

type Values = readonly (string | null)[];

/**
 * One line of CSV by RFC 4180. NULL is an empty field, and empty text is `""`. Values are data and
 * stay as they are, also those that a spreadsheet would take for a formula (`=`, `+`, `-`, `@`).
 */
export function csvLine(values: Values): string {
  return `${values.map(field).join(',')}\r\n`;
}

/** The same for a terminal, with what it would act on in a visible form: CSV itself has none. */
export function printableCsvLine(values: Values): string {
  return csvLine(values.map((value) => value && printable(value)));
}

function field(value: string | null): string {
  if (value === null) return '';
  return value === '' || /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}
