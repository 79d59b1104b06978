import { formatCount } from '../../common/text.ts';
import type { QueryColumn, TextRow } from '../../index.ts';
import { outputWidth, writeOut } from '../output.ts';
import { formatVertically, isTooNarrow, Table } from './table.ts';

/** The rows of a result in batches. */
export type Batches = AsyncIterable<readonly TextRow[]>;

/**
 * Prints a result as a table, cut to the width of the terminal, and its number of rows. If the
 * terminal is too narrow for the columns, each value gets its own line.
 */
export async function printTable(columns: readonly QueryColumn[], batches: Batches): Promise<void> {
  const layout = columns.map((column) => ({
    name: column.name,
    align: column.isNumeric ? ('right' as const) : ('left' as const),
  }));
  const width = outputWidth();
  const names = columns.map(({ name }) => name);
  let isVertical: boolean | null = null;
  let table: Table | null = null;
  let count = 0;
  for await (const rows of batches) {
    const texts = rows.map((row) => formatCells(columns, row));
    // The first rows decide this and the widths of a table.
    isVertical ??= isTooNarrow(names, texts, width);
    if (isVertical) {
      await writeOut(formatVertically(names, texts, count + 1, width));
      count += rows.length;
      continue;
    }
    const first = table === null;
    table ??= new Table(layout, texts, width);
    await writeOut((first ? table.header : '') + table.rows(texts));
    count += rows.length;
  }
  if (table === null && !isVertical) await writeOut(new Table(layout, [], width).header);
  await writeOut(count === 1 ? '(1 row)\n' : `(${formatCount(count)} rows)\n`);
}

/** The values of a row as text. */
export function formatCells(columns: readonly QueryColumn[], row: TextRow): (string | null)[] {
  return columns.map((column, index) => column.toText(row[index] ?? null));
}
