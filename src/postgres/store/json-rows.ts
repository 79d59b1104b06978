import { finished, PassThrough, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import type { Column } from '../../model/columns.ts';

/**
 * Opens the rows of queries, one query after the other, as JSON Lines. Chunks do not end at lines. The
 * stream has a connection of its own until it ends or is destroyed.
 */
export async function openJsonRows(pool: pg.Pool, ...queries: string[]): Promise<Readable> {
  const client = await pool.connect();
  const rows = new PassThrough();
  // A connection whose COPY stopped halfway cannot be used again.
  finished(rows, (error) => client.release(error ?? undefined));
  const copyAll = async () => {
    for (const query of queries)
      await pipeline(client.query(copyJson(query)), rows, { end: false });
    rows.end();
  };
  copyAll().catch((error: Error) => rows.destroy(error));
  return rows;
}

/**
 * COPY takes no parameters. Its CSV form leaves JSON text as it is, because JSON text never contains
 * these two control characters. Its text form would double every backslash.
 */
function copyJson(query: string) {
  return copyTo(
    `COPY (SELECT row_to_json(r) FROM (${query}) AS r)
     TO STDOUT WITH (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')`,
  );
}

/** Columns in the form that they have in JSON Lines; with a table, its columns. */
export function listJsonColumns(columns: readonly Column[], table?: string): string {
  return columns
    .map(({ name, type, origin }) => {
      const column = table ? `${table}.${name}` : name;
      if (origin === 'joined') return `coalesce(${column}, '{}') AS ${name}`;
      return type === 'time' ? `${formatTime(column)} AS ${name}` : column;
    })
    .join(', ');
}

/** All formats of the archive hold milliseconds, as the service gives them. */
function formatTime(column: string): string {
  return `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
}
