/** The columns of a user that publications compare and write; the others are generated from them. */
export const USER_COLUMNS =
  'username, sub, status, enabled, created_at, modified_at, attributes, mfa_options, escaped';

/** The columns, each of one table: `c.username, c.sub, …`. */
export function qualifyUserColumns(table: string): string {
  return USER_COLUMNS.replaceAll(/\w+/g, `${table}.$&`);
}
