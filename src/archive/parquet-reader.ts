import type { DuckDBInstance } from '@duckdb/node-api';
import { type ChangeCounts, ChangeTally } from '../model/change-counts.ts';
import { COLUMN_TYPES, columnsOf } from '../model/columns.ts';
import { ResumableError } from '../model/errors.ts';
import type { ArchivedDataset } from '../model/snapshot.ts';
import { DUCKDB_SETTINGS, describeDuckdbError, loadDuckdb, quoteLiteral } from './duckdb.ts';

/** What the footer of a Parquet file says. */
export interface ParquetFooter {
  readonly rows: number;
  /** Names and DuckDB's types, in order. */
  readonly columns: readonly ParquetColumn[];
}

export interface ParquetColumn {
  readonly name: string;
  readonly type: string;
}

/** How DuckDB begins its messages about files that are not valid Parquet. */
const FORMAT_ERRORS =
  /^(Invalid (Input )?Error|IO Error: (Could not read enough bytes|Failed to read Parquet)|Not implemented Error)/;

function isFormatError(error: unknown): boolean {
  return error instanceof Error && FORMAT_ERRORS.test(error.message);
}

/** Null if the file is not valid Parquet. */
async function orNull<T>(read: () => Promise<T | null>): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    if (isFormatError(error)) return null;
    throw new ResumableError(
      `A Parquet part could not be checked: ${describeDuckdbError(error)}. Run the command again.`,
    );
  }
}

const SETTINGS = { ...DUCKDB_SETTINGS, memory_limit: '128MB' };

/** Reads the footers of Parquet files with an embedded DuckDB. */
export class ParquetReader {
  readonly #instance: DuckDBInstance;

  private constructor(instance: DuckDBInstance) {
    this.#instance = instance;
  }

  /** @throws ActionRequiredError if DuckDB is not installed or cannot be loaded. */
  static async open(): Promise<ParquetReader> {
    const { DuckDBInstance } = await loadDuckdb();
    return new ParquetReader(await DuckDBInstance.create(':memory:', SETTINGS));
  }

  /**
   * Returns null if the file is not valid Parquet.
   *
   * @throws ResumableError if DuckDB cannot read it for another reason, such as too little memory.
   */
  async readFooter(path: string): Promise<ParquetFooter | null> {
    const file = quoteLiteral(path);
    return orNull(async () => {
      const [[rows = 0] = []] = await this.#query(
        `SELECT num_rows::DOUBLE FROM parquet_file_metadata(${file})`,
      );
      const columns = await this.#describe(`FROM read_parquet(${file}, hive_partitioning = false)`);
      return { rows: Number(rows), columns };
    });
  }

  /** The columns that a part of a dataset must have, by the version of its manifest. */
  async expectedColumns(dataset: ArchivedDataset, version: number): Promise<ParquetColumn[]> {
    const columns = columnsOf(dataset, version).map(
      ({ name, type }) => `NULL::${COLUMN_TYPES[type].parquet} AS "${name}"`,
    );
    return this.#describe(`SELECT ${columns.join(', ')}`);
  }

  /**
   * Counts the rows of a part of `changes`. Returns null if it is not valid Parquet, or if a row has an
   * unknown entity or kind.
   *
   * @throws ResumableError as `readFooter` does.
   */
  async countChanges(path: string): Promise<ChangeCounts | null> {
    const file = quoteLiteral(path);
    return orNull(async () => {
      const rows = await this.#query(
        `SELECT entity, kind, count(*)::DOUBLE
         FROM read_parquet(${file}, hive_partitioning = false) GROUP BY ALL`,
      );
      const tally = new ChangeTally();
      const isKnown = rows.every(([entity, kind, count]) => tally.add(entity, kind, Number(count)));
      return isKnown ? tally.counts : null;
    });
  }

  close(): void {
    this.#instance.closeSync();
  }

  async #describe(sql: string): Promise<ParquetColumn[]> {
    const rows = await this.#query(`DESCRIBE ${sql}`);
    return rows.map(([name, type]) => ({ name: String(name), type: String(type) }));
  }

  async #query(sql: string): Promise<unknown[][]> {
    const connection = await this.#instance.connect();
    try {
      return (await connection.runAndReadAll(sql)).getRowsJS() as unknown[][];
    } finally {
      connection.closeSync();
    }
  }
}
