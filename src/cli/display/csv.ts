import { formatCsvLine } from '../../common/csv.ts';
import { printable } from '../../common/printable.ts';

type Values = readonly (string | null)[];

/** A line of CSV for a terminal, with control characters escaped. CSV itself has no escapes for them. */
export function formatPrintableCsvLine(values: Values): string {
  return formatCsvLine(values.map((value) => value && printable(value)));
}

/** What a spreadsheet reads as the start of a formula. */
const FORMULA = /^[=+\-@\t\r]/;

/**
 * The same for spreadsheets: a value that would be a formula gets a leading apostrophe, which a
 * spreadsheet does not show. It must split at commas: with semicolons, `a;=1+1` would be two cells, even
 * in quotes, which count only at the start of a cell. On a terminal, control characters are escaped.
 */
export function formatSpreadsheetLine(values: Values, isTerminal: boolean): string {
  const safe = values.map((value) => (value && FORMULA.test(value) ? `'${value}` : value));
  return isTerminal ? formatPrintableCsvLine(safe) : formatCsvLine(safe);
}
