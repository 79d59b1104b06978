import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import type { Dataset } from '../model/snapshot.ts';
import { COLUMNS } from './columns.ts';

/**
 * Throws if the first row of a gzipped JSON Lines file has other columns than its dataset: a Parquet
 * reader would take a missing column for nulls, and nobody would see it.
 */
export async function checkColumns(dataset: Dataset, path: string): Promise<void> {
  const expected = Object.keys(COLUMNS[dataset]).join(', ');
  const found = columnsOf(await firstLine(path)).join(', ');
  if (found === expected) return;
  throw new Error(
    `The rows of ${dataset} to archive have the columns (${found}) instead of (${expected}). This is a defect of this version: please report it.`,
  );
}

/** The names of a row's columns; none where it is no row. The text itself is never shown. */
function columnsOf(line: string): string[] {
  try {
    return Object.keys(JSON.parse(line));
  } catch {
    return [];
  }
}

async function firstLine(path: string): Promise<string> {
  const file = createReadStream(path);
  const text = file.pipe(createGunzip());
  try {
    for await (const line of createInterface({ input: text })) return line;
    return '';
  } finally {
    text.destroy();
    file.destroy();
  }
}
