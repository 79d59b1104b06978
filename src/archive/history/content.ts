import { COLUMNS, type Column, isContent } from '../../model/columns.ts';
import type { Version } from '../../model/history.ts';

/** The columns of a version that are compared: those that the mirror writes, without the key. */
function contentColumns(dataset: 'users' | 'groups'): Column[] {
  return COLUMNS[dataset].filter(isContent);
}

/** A row's content as a STRUCT of DuckDB. */
export function selectContent(dataset: 'users' | 'groups'): string {
  const fields = contentColumns(dataset).map(({ name, type }) => {
    if (type === 'time') return `'${name}': epoch_ms(${name})`;
    return type === 'json' ? `'${name}': ${name}::JSON` : `'${name}': ${name}`;
  });
  return `{${fields.join(', ')}}`;
}

/**
 * A content of `selectContent` as JSON, without the attributes that are the same in the other state. They are
 * most of a row, and no question asks for them.
 *
 * @param own the alias of a table with the column `content`; null where the state has no row
 */
export function selectDiffering(dataset: 'users' | 'groups', own: string, other: string): string {
  const fields = contentColumns(dataset).map(({ name, type }) => {
    const value = `${own}.content.${name}`;
    if (type !== 'text map') return `'${name}': ${value}`;
    const isOther = `${other}.content.${name}[entry.key] IS DISTINCT FROM entry.value`;
    return `'${name}': CASE WHEN ${other}.content IS NULL THEN ${value}
      ELSE map_from_entries(list_filter(map_entries(${value}), lambda entry: ${isOther})) END`;
  });
  const json = `to_json({${fields.join(', ')}})::VARCHAR`;
  return `CASE WHEN ${own}.content IS NOT NULL THEN ${json} END`;
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
