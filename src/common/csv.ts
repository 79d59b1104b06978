/**
 * One line of CSV by RFC 4180. Null is an empty field, and empty text is `""`. Values stay as they are,
 * even if a spreadsheet would treat them as a formula (`=`, `+`, `-`, `@`).
 */
export function formatCsvLine(values: readonly (string | null)[]): string {
  return `${values.map(quoteField).join(',')}\r\n`;
}

function quoteField(value: string | null): string {
  if (value === null) return '';
  return value === '' || /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}
