import { printable } from '../../telemetry/printable.ts';
import { cut, pad, widthOf } from './fit.ts';

/** With less room than this for each column, a table would show the beginnings of values alone. */
const LEAST_FOR_COLUMN = 13;

const SEPARATOR = 3;

type Rows = readonly (readonly (string | null)[])[];

/** True where a table of these rows does not fit `width`, and would cut most of its values. */
export function isTooNarrow(names: readonly string[], rows: Rows, width: number): boolean {
  if (width >= names.length * LEAST_FOR_COLUMN) return false;
  const natural = names.map((name, column) =>
    Math.max(widthOf(name), ...rows.map((row) => widthOf(printable(row[column] ?? '')))),
  );
  return natural.reduce((sum, each) => sum + each + SEPARATOR, -SEPARATOR) > width;
}

/**
 * Rows with a line for each column, as psql shows them with `\x`: for a terminal that is too narrow
 * for a table. NULL is empty, and what a terminal would act on is shown escaped.
 *
 * @param first the number of the first row.
 */
export function uprightRows(
  names: readonly string[],
  rows: Rows,
  first: number,
  width: number,
): string {
  const room = Math.max(...names.map((name) => widthOf(printable(name))));
  return rows
    .map((row, index) => {
      const head = `-[ ${first + index} ]`;
      const lines = names.map(
        (name, column) => `${pad(printable(name), room)} | ${printable(row[column] ?? '')}`,
      );
      return [head, ...lines].map((line) => `${cut(line, width)}\n`).join('');
    })
    .join('');
}
