import { type FileHandle, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { isChanges, type ManifestObject } from '../archive/manifest.ts';
import { type ParquetFooter, ParquetReader } from '../archive/parquet-reader.ts';
import { CHANGE_KINDS, type ChangeCounts } from '../model/change-counts.ts';
import { ActionRequiredError } from '../model/errors.ts';
import { DATASETS } from '../model/snapshot.ts';
import { ContentError } from './content-error.ts';
import { CsvChecker } from './csv-checker.ts';
import { GzipMember } from './gzip-member.ts';
import { JsonLinesChecker } from './json-lines-checker.ts';
import type { RowContract } from './row-contract.ts';

/** Checks the content of a part while it is read. Both methods throw `ContentError`. */
export interface ContentCheck {
  write(chunk: Buffer): Promise<void>;
  /** The part was read to its end. */
  end(): Promise<void>;
  /** Frees what the check holds, whether it ended or not. */
  close(): Promise<void>;
}

/** Checks the text of a part. */
interface TextChecker {
  readonly contract: RowContract;
  write(data: Buffer): void;
  end(): Promise<void>;
}

/** One gzip member of JSON Lines, its rows, their columns and types, by the version of the manifest. */
export function checkJsonLines(object: ManifestObject, version: number): ContentCheck {
  return checkGzip(object, new JsonLinesChecker(object.dataset, version));
}

/** The same of CSV. */
export function checkCsv(object: ManifestObject, version: number): ContentCheck {
  return checkGzip(object, new CsvChecker(object.dataset, version));
}

function checkGzip(object: ManifestObject, checker: TextChecker): ContentCheck {
  const { contract } = checker;
  const member = new GzipMember((data) => checker.write(data));
  return {
    write: (chunk) => member.write(chunk),
    async end() {
      await member.end();
      await checker.end();
      assertRows(contract.rows, object.rows);
      if (isChanges(object)) assertChanges(contract.changes.counts, object.changes);
    },
    close: async () => member.destroy(),
  };
}

const MAGIC = 'PAR1';
/** The length of the footer, then the magic number. */
const END_BYTES = 8;

/** The end of a Parquet file, its rows, columns and types, by its footer. */
export class ParquetChecks {
  readonly #reader: ParquetReader;
  readonly #folder: string;
  #files = 0;

  private constructor(reader: ParquetReader, folder: string) {
    this.#reader = reader;
    this.#folder = folder;
  }

  /**
   * @param folder a private folder of this machine for the parts that are being checked.
   * @returns null if DuckDB is not installed: the rest is verified then.
   */
  static async open(folder: string): Promise<ParquetChecks | null> {
    try {
      return new ParquetChecks(await ParquetReader.open(), folder);
    } catch (error) {
      if (error instanceof ActionRequiredError) return null;
      throw error;
    }
  }

  async check(object: ManifestObject, version: number): Promise<ContentCheck> {
    this.#files += 1;
    const path = join(this.#folder, `${this.#files}.parquet`);
    const file = await open(path, 'wx', 0o600);
    let last = Buffer.alloc(0);
    return {
      async write(chunk) {
        last = Buffer.concat([last, chunk]).subarray(-END_BYTES);
        await writeAll(file, chunk);
      },
      end: async () => {
        if (last.toString('latin1', 4) !== MAGIC) {
          throw new ContentError('appended', 'It does not end with the footer of Parquet.');
        }
        const footer = await this.#reader.readFooter(path);
        if (footer === null) throw new ContentError('schema', 'It is not valid Parquet.');
        assertColumns(footer.columns, await this.#reader.expectedColumns(object.dataset, version));
        assertRows(footer.rows, object.rows);
        if (!isChanges(object)) return;
        const changes = await this.#reader.countChanges(path);
        if (changes === null)
          throw new ContentError(
            'schema',
            'A row cannot be read, or has an unknown entity or kind.',
          );
        assertChanges(changes, object.changes);
      },
      async close() {
        await file.close();
        await unlink(path);
      },
    };
  }

  close(): void {
    this.#reader.close();
  }
}

async function writeAll(file: FileHandle, chunk: Buffer): Promise<void> {
  for (let written = 0; written < chunk.length; ) {
    written += (await file.write(chunk, written)).bytesWritten;
  }
}

function assertColumns(
  columns: ParquetFooter['columns'],
  expected: ParquetFooter['columns'],
): void {
  const format = (each: ParquetFooter['columns'][number] | undefined) =>
    each && `${each.name} ${each.type}`;
  const index = expected.findIndex((column, i) => format(column) !== format(columns[i]));
  if (index < 0 && columns.length === expected.length) return;
  const at = index < 0 ? expected.length : index;
  throw new ContentError(
    'schema',
    `Column ${at + 1} is ${format(columns[at]) ?? 'missing'}, not ${format(expected[at]) ?? 'missing'}.`,
  );
}

function assertRows(found: number, sealed: number): void {
  if (found === sealed) return;
  throw new ContentError('rows', `It has ${found} rows, and its manifest says ${sealed}.`);
}

function assertChanges(found: ChangeCounts, sealed: ChangeCounts | undefined): void {
  for (const dataset of DATASETS) {
    for (const kind of CHANGE_KINDS) {
      const [is, should] = [found[dataset][kind], sealed?.[dataset][kind]];
      if (is === should) continue;
      throw new ContentError(
        'rows',
        `It has ${is} ${dataset} that are ${kind}, and its manifest says ${should}.`,
      );
    }
  }
}
