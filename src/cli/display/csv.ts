import { printable } from '../../telemetry/printable.ts';

type Values = readonly (string | null)[];

/**
 * One line of CSV by RFC 4180. NULL is an empty field, and empty text is `""`. Values are data and
 * stay as they are, also those that a spreadsheet would take for a formula (`=`, `+`, `-`, `@`).
 */
export function csvLine(values: Values): string {
  return `${values.map(field).join(',')}\r\n`;
}

/** The same for a terminal, with what it would act on in a visible form: CSV itself has none. */
export function shownCsvLine(values: Values): string {
  return csvLine(values.map((value) => value && printable(value)));
}

function field(value: string | null): string {
  if (value === null) return '';
  return value === '' || /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}
