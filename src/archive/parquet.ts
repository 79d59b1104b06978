import { chmod } from 'node:fs/promises';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { COLUMN_TYPES, COLUMNS } from '../model/columns.ts';
import { ResumableError } from '../model/errors.ts';
import type { ArchivedDataset } from '../model/snapshot.ts';
import { DUCKDB_SETTINGS, describeDuckdbError, loadDuckdb, quoteLiteral } from './duckdb.ts';
import type { JsonLinesPart } from './json-lines.ts';

/**
 * The most rows of a row group, and about the most bytes (as JSON). DuckDB builds a group in memory,
 * so rows of 100 kB form groups of 160. A row group ends at the next chunk of up to 2,048 rows.
 */
const ROW_GROUP_ROWS = 20_000;
const ROW_GROUP_BYTES = 16_000_000;

/**
 * The longest row, as JSON. Cognito's quotas for a user (attributes of 2,048 bytes, 50 of them
 * custom; 100 groups) stay under 1.5 MB even if every byte is escaped. A row of `changes` has two.
 */
const MAX_ROW_BYTES = 4 * 1024 * 1024;

/**
 * One thread gives the same order and bytes on every run. The memory limit is a ceiling: row groups of
 * `ROW_GROUP_BYTES` take about 100 MB.
 */
const SETTINGS = {
  ...DUCKDB_SETTINGS,
  preserve_insertion_order: 'true',
  memory_limit: '256MB',
};

/** Converts JSON Lines to Parquet with an embedded DuckDB, one file at a time. */
export class ParquetWriter {
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;

  private constructor(instance: DuckDBInstance, connection: DuckDBConnection) {
    this.#instance = instance;
    this.#connection = connection;
  }

  /** DuckDB spills into `spillFolder` when it reaches its memory limit. */
  static async open(spillFolder: string): Promise<ParquetWriter> {
    const { DuckDBInstance } = await loadDuckdb();
    const instance = await DuckDBInstance.create(':memory:', {
      ...SETTINGS,
      temp_directory: spillFolder,
    });
    return new ParquetWriter(instance, await instance.connect());
  }

  /** Writes a part's rows to a new Parquet file. Throws `ResumableError` without data of the rows. */
  async write(
    dataset: ArchivedDataset,
    part: JsonLinesPart,
    path: string,
    signal: AbortSignal,
  ): Promise<void> {
    signal.throwIfAborted();
    const columns = COLUMNS[dataset].map(
      ({ name, type }) => `${name}: '${COLUMN_TYPES[type].parquet}'`,
    );
    const interrupt = () => this.#connection.interrupt();
    signal.addEventListener('abort', interrupt);
    let written: number;
    try {
      const { rowsChanged } = await this.#connection.run(`
        COPY (
          FROM read_json(${quoteLiteral(part.path)}, format = 'newline_delimited', compression = 'gzip',
            columns = {${columns.join(', ')}}, auto_detect = false, hive_partitioning = false,
            maximum_object_size = ${MAX_ROW_BYTES})
        ) TO ${quoteLiteral(path)}
        (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${computeGroupRows(part.heaviestRowBytes)})`);
      written = rowsChanged;
    } catch (error) {
      signal.throwIfAborted();
      throw new ResumableError(
        `The Parquet part was not written: ${describeDuckdbError(error)}. Run the command again to resume.`,
      );
    } finally {
      signal.removeEventListener('abort', interrupt);
    }
    if (written !== part.rows) {
      throw new ResumableError(
        `The Parquet part was not written: it has ${written} rows instead of ${part.rows}. Run the command again to resume.`,
      );
    }
    await chmod(path, 0o600);
  }

  close(): void {
    this.#connection.closeSync();
    this.#instance.closeSync();
  }
}

function computeGroupRows(heaviestRowBytes: number): number {
  const fitting = Math.floor(ROW_GROUP_BYTES / Math.max(1, heaviestRowBytes));
  return Math.min(ROW_GROUP_ROWS, Math.max(1, fitting));
}
