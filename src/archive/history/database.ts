import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { cutLines } from '../../common/lines.ts';
import { ResumableError } from '../../model/errors.ts';
import { DUCKDB_SETTINGS, describeDuckdbError, loadDuckdb, quoteLiteral } from '../duckdb.ts';

/** The memory of DuckDB. What does not fit goes to the temporary folder. */
const MEMORY = '80MB';

const NEED = {
  subject: '--archive',
  what: 'reading the rows of an archive',
  instead: 'ask the database: leave out --archive.',
};

/** An embedded DuckDB that answers questions from Parquet files. */
export class AnswerDatabase {
  readonly #instance: DuckDBInstance;
  readonly #folder: string;
  readonly #signal: AbortSignal;

  private constructor(instance: DuckDBInstance, folder: string, signal: AbortSignal) {
    this.#instance = instance;
    this.#folder = folder;
    this.#signal = signal;
  }

  /**
   * @param folder a private folder for what does not fit into memory
   * @param signal interrupts every statement
   * @throws ActionRequiredError if DuckDB is not installed or cannot be loaded
   */
  static async open(folder: string, signal: AbortSignal): Promise<AnswerDatabase> {
    const { DuckDBInstance } = await loadDuckdb(NEED);
    const settings = {
      ...DUCKDB_SETTINGS,
      // Statements name the order that they need.
      preserve_insertion_order: 'false',
      memory_limit: MEMORY,
      temp_directory: folder,
    };
    return new AnswerDatabase(await DuckDBInstance.create(':memory:', settings), folder, signal);
  }

  /** Opens a connection, which has temporary tables of its own. */
  async connect(): Promise<Statements> {
    return new Statements(await this.#instance.connect(), this.#folder, this.#signal);
  }

  close(): void {
    this.#instance.closeSync();
  }
}

/** A connection: runs one statement at a time. Its errors hold no row. */
export class Statements {
  readonly #connection: DuckDBConnection;
  readonly #folder: string;
  readonly #signal: AbortSignal;
  readonly #interrupt = () => this.#connection.interrupt();

  constructor(connection: DuckDBConnection, folder: string, signal: AbortSignal) {
    this.#connection = connection;
    this.#folder = folder;
    this.#signal = signal;
    signal.addEventListener('abort', this.#interrupt);
  }

  /** Returns how many rows it changed. */
  async run(sql: string, values: string[] = []): Promise<number> {
    return this.#guard(async () => (await this.#connection.run(sql, values)).rowsChanged);
  }

  async rows<Row>(sql: string, values: string[] = []): Promise<Row[]> {
    const read = async () => (await this.#connection.runAndReadAll(sql, values)).getRowObjectsJS();
    return (await this.#guard(read)) as Row[];
  }

  /**
   * Gives the rows in batches. They come through a file of JSON, as what the package hands over directly
   * stays in memory until Node happens to collect garbage. So values have the types of JSON.
   */
  async *stream<Row>(sql: string): AsyncGenerator<Row[]> {
    const path = join(this.#folder, `${randomUUID()}.json`);
    try {
      await this.run(`COPY (${sql}) TO ${quoteLiteral(path)} (FORMAT json)`);
      for await (const lines of cutLines(createReadStream(path, 'utf8'))) {
        this.#signal.throwIfAborted();
        yield lines.map((line) => JSON.parse(line) as Row);
      }
    } finally {
      await rm(path, { force: true });
    }
  }

  close(): void {
    this.#signal.removeEventListener('abort', this.#interrupt);
    this.#connection.closeSync();
  }

  async #guard<T>(work: () => Promise<T>): Promise<T> {
    this.#signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      this.#signal.throwIfAborted();
      throw new ResumableError(
        `DuckDB could not read the parts of the archive: ${describeDuckdbError(error)}. Run the command again.`,
      );
    }
  }
}
