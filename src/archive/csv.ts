import { formatCsvLine } from '../common/csv.ts';
import { COLUMNS } from '../model/columns.ts';
import type { ArchivedDataset } from '../model/snapshot.ts';
import { writeGzip } from './gzip-file.ts';
import { type JsonLinesPart, readJsonLines } from './json-lines.ts';

/** About how much text is compressed at once. */
const CHUNK_CHARACTERS = 65_536;

/**
 * Writes a part's rows to a new gzipped CSV file, after a line with the names of the columns. Null is an
 * empty field and empty text is `""`. Maps, lists and rows are JSON text. The file is for programs: text
 * that a spreadsheet would take for a formula stays as it is.
 */
export async function writeCsv(
  dataset: ArchivedDataset,
  part: JsonLinesPart,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  await writeGzip(path, formatRows(dataset, part), signal);
}

async function* formatRows(
  dataset: ArchivedDataset,
  { path }: JsonLinesPart,
): AsyncGenerator<string> {
  const names = COLUMNS[dataset].map(({ name }) => name);
  let text = formatCsvLine(names);
  for await (const row of readJsonLines(path)) {
    text += formatCsvLine(names.map((name) => formatValue(row[name])));
    if (text.length < CHUNK_CHARACTERS) continue;
    yield text;
    text = '';
  }
  yield text;
}

function formatValue(value: unknown): string | null {
  if (value === null || typeof value === 'string') return value;
  return JSON.stringify(value);
}
