import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { ResumableError } from '../../model/errors.ts';
import { DUCKDB_SETTINGS, describeDuckdbError, loadDuckdb } from '../duckdb.ts';

/** The memory of DuckDB. What does not fit goes to the temporary folder. */
const MEMORY = '80MB';

/** Small batches are garbage soon. */
const BATCH = 500;

const NEED = {
  subject: '--archive',
  what: 'reading the rows of an archive',
  instead: 'ask the database: leave out --archive.',
};

/** An embedded DuckDB that answers questions from Parquet files. */
export class AnswerDatabase {
  readonly #instance: DuckDBInstance;
  readonly #signal: AbortSignal;

  private constructor(instance: DuckDBInstance, signal: AbortSignal) {
    this.#instance = instance;
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
    return new AnswerDatabase(await DuckDBInstance.create(':memory:', settings), signal);
  }

  /** Opens a connection, which has temporary tables of its own. */
  async connect(): Promise<Statements> {
    return new Statements(await this.#instance.connect(), this.#signal);
  }

  close(): void {
    this.#instance.closeSync();
  }
}

/** A connection: runs one statement at a time. Its errors hold no row. */
export class Statements {
  readonly #connection: DuckDBConnection;
  readonly #signal: AbortSignal;
  readonly #interrupt = () => this.#connection.interrupt();

  constructor(connection: DuckDBConnection, signal: AbortSignal) {
    this.#connection = connection;
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

  /** Gives the rows in batches. The next batch is prepared while one is used. */
  async *stream<Row>(sql: string, values: string[] = []): AsyncGenerator<Row[]> {
    const result = await this.#guard(() => this.#connection.stream(sql, values));
    const batches = result.yieldRowObjectJs();
    const read = () => this.#guard(() => batches.next());
    let next = read();
    try {
      for (;;) {
        const batch = await next;
        if (batch.done) return;
        next = read();
        // It is awaited above, or below if the caller stops.
        next.catch(() => {});
        const rows = batch.value as Row[];
        for (let at = 0; at < rows.length; at += BATCH) yield rows.slice(at, at + BATCH);
      }
    } finally {
      // A connection must not be closed during a read.
      await next.catch(() => {});
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
