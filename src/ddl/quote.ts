/** A literal where a quote is doubled: DuckDB and Trino. */
export function quoteDoubled(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A literal where a backslash escapes: Athena's DDL, Spark, Snowflake and BigQuery. */
export function quoteEscaped(text: string): string {
  return `'${text.replaceAll(/[\\']/g, '\\$&')}'`;
}
