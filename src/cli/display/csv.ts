/**
 * One line of CSV by RFC 4180. NULL is an empty field, and empty text is `""`. Values are data and
 * stay as they are, also those that a spreadsheet would take for a formula (`=`, `+`, `-`, `@`).
 */
export function csvLine(values: readonly (string | null)[]): string {
  return `${values.map(field).join(',')}\r\n`;
}

function field(value: string | null): string {
  if (value === null) return '';
  return value === '' || /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}
