import { COLUMN_TYPES, COLUMNS, type Column, isContent } from '../../model/columns.ts';
import type { Dataset } from '../../model/snapshot.ts';

/** The columns of a dataset that the mirror writes: its key, then the rest. */
export function writtenColumns(dataset: Dataset): Column[] {
  return COLUMNS[dataset].filter((column) => isKey(column) || isContent(column));
}

/** Those of them that a listing has. */
export function listedColumns(dataset: Dataset): Column[] {
  return writtenColumns(dataset).filter(({ origin }) => origin !== 'fetched');
}

/** The columns of a dataset's table in `directory`, without `pool_id` and `valid_from`. */
export function storedColumns(dataset: Dataset): Column[] {
  return COLUMNS[dataset].filter(({ origin }) => origin !== 'joined');
}

/** True for a column of the key. */
export function isKey({ origin }: Column): boolean {
  return origin === 'key';
}

/** True for a column that is never null in a complete row. */
export function isRequired(column: Column): boolean {
  return isKey(column) || column.required === true;
}

/** `username, sub, …`; with a table `c.username, c.sub, …`. */
export function listColumns(columns: readonly Column[], table?: string): string {
  return columns.map(({ name }) => (table ? `${table}.${name}` : name)).join(', ');
}

/** The columns of a dataset that the mirror writes, as a list like that of `listColumns`. */
export function listWritten(dataset: Dataset, table?: string): string {
  return listColumns(writtenColumns(dataset), table);
}

/** `username text COLLATE "C", enabled boolean, …`, for a table or the rows of a JSON array. */
export function declareColumns(
  columns: readonly Column[],
  isRequired: (column: Column) => boolean = () => false,
): string {
  return columns
    .map((column) => {
      const type = COLUMN_TYPES[column.type].postgres;
      return `${column.name} ${type}${isRequired(column) ? ' NOT NULL' : ''}`;
    })
    .join(', ');
}
