import type { Database } from '../postgres/database.ts';
import { isNumeric, queryReadOnly, toJson, toText } from '../postgres/read-only.ts';
import type { Mirror } from './mirror.ts';

/** Runs one statement that only reads. */
export function runQuery(
  database: Database,
  sql: string,
  use: Parameters<Mirror['query']>[1],
  signal: AbortSignal,
): Promise<void> {
  return queryReadOnly(
    database,
    sql,
    (columns, batches) =>
      use(
        columns.map((column) => ({
          ...column,
          isNumeric: isNumeric(column),
          toText: (value) => toText(column, value),
          toJson: (value) => toJson(column, value),
        })),
        batches,
      ),
    signal,
  );
}
