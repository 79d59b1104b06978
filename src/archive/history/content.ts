import { COLUMNS, type Column } from '../../model/columns.ts';
import type { Version } from '../../model/history.ts';

/** The columns of a version that are compared: those that the mirror writes, without the key. */
function contentColumns(dataset: 'users' | 'groups'): Column[] {
  return COLUMNS[dataset].filter(({ origin }) => origin === 'written');
}

/** A row's content as a STRUCT of DuckDB. */
export function selectContent(dataset: 'users' | 'groups'): string {
  const fields = contentColumns(dataset).map(({ name, type }) => {
    if (type === 'time') return `'${name}': epoch_ms(${name})`;
    return type === 'json' ? `'${name}': ${name}::JSON` : `'${name}': ${name}`;
  });
  return `{${fields.join(', ')}}`;
}

/** Parses a content that DuckDB gave as JSON. */
export function parseContent(dataset: 'users' | 'groups', json: string): Version {
  const content = JSON.parse(json) as Record<string, unknown>;
  for (const { name, type } of contentColumns(dataset)) {
    const value = content[name];
    if (type === 'time' && value !== null) content[name] = new Date(value as number);
  }
  return content;
}
