import { type CsvRecord, parseCsv } from '../../src/cli/review/parse-csv.ts';

/** The records of CSV that arrives in pieces. */
export async function csvRecords(pieces: readonly string[]): Promise<CsvRecord[]> {
  const all: CsvRecord[] = [];
  for await (const records of parseCsv(pieces)) all.push(...records);
  return all;
}
