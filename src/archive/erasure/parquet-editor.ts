import { chmod } from 'node:fs/promises';
import type { DuckDBInstance } from '@duckdb/node-api';
import { ChangeTally } from '../../model/change-counts.ts';
import { ResumableError } from '../../model/errors.ts';
import { DUCKDB_SETTINGS, describeDuckdbError, loadDuckdb, quoteLiteral } from '../duckdb.ts';
import type { ErasedPart, PartEditor, PartFile } from './part-editor.ts';
import type { FoundPerson, PersonFilter } from './persons.ts';

/** One thread keeps the order of rows, and so gives the same bytes on every run. */
const SETTINGS = { ...DUCKDB_SETTINGS, preserve_insertion_order: 'true', memory_limit: '256MB' };

/** Edits Parquet with an embedded DuckDB. It reads only the columns and groups of rows that it needs. */
export class ParquetEditor implements PartEditor {
  readonly #instance: DuckDBInstance;

  private constructor(instance: DuckDBInstance) {
    this.#instance = instance;
  }

  /**
   * @param spillFolder takes what does not fit into memory
   * @throws ActionRequiredError if DuckDB is not installed or cannot be loaded
   */
  static async open(spillFolder: string): Promise<ParquetEditor> {
    const { DuckDBInstance } = await loadDuckdb({
      subject: 'forget',
      what: 'removing a person from Parquet parts',
      instead: 'run it where DuckDB is installed.',
    });
    const settings = { ...SETTINGS, temp_directory: spillFolder };
    return new ParquetEditor(await DuckDBInstance.create(':memory:', settings));
  }

  async search(
    { path }: PartFile,
    texts: ReadonlySet<string>,
    signal: AbortSignal,
  ): Promise<readonly FoundPerson[]> {
    const list = listLiterals(texts);
    const rows = await this.#query(
      `SELECT username, sub, count(*)::INTEGER AS rows FROM ${table(path)}
       WHERE username IS NOT NULL AND (username IN ${list} OR sub IN ${list}) GROUP BY ALL`,
      signal,
    );
    return rows as unknown as FoundPerson[];
  }

  async erase(
    { path, dataset }: PartFile,
    persons: PersonFilter,
    to: string,
    signal: AbortSignal,
  ): Promise<ErasedPart> {
    const isAbout = `coalesce(username IN ${listLiterals(persons.usernames)}
      AND (sub IS NULL OR sub IN ${listLiterals(persons.subs)}), false)`;
    const [before] = (await this.#query(
      `SELECT max(row_group_num_rows)::INTEGER AS "groupRows",
         (SELECT count(*)::INTEGER FROM ${table(path)}) AS rows
       FROM parquet_metadata(${quoteLiteral(path)})`,
      signal,
    )) as [{ groupRows: number | null; rows: number }];
    await this.#query(
      `COPY (SELECT * FROM ${table(path)} WHERE NOT ${isAbout}) TO ${quoteLiteral(to)}
       (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${before.groupRows ?? 1})`,
      signal,
    );
    await chmod(to, 0o600);
    const [after] = await this.#query(`SELECT count(*)::INTEGER AS rows FROM ${table(to)}`, signal);
    const rows = Number(after?.['rows']);
    const changes = dataset === 'changes' ? await this.#countChanges(to, signal) : null;
    return { rows, removed: before.rows - rows, changes };
  }

  close(): void {
    this.#instance.closeSync();
  }

  async #countChanges(path: string, signal: AbortSignal): Promise<ErasedPart['changes']> {
    const tally = new ChangeTally();
    const rows = await this.#query(
      `SELECT entity, kind, count(*)::INTEGER AS rows FROM ${table(path)} GROUP BY ALL`,
      signal,
    );
    for (const { entity, kind, rows: count } of rows) tally.add(entity, kind, Number(count));
    return tally.counts;
  }

  async #query(sql: string, signal: AbortSignal): Promise<Record<string, unknown>[]> {
    signal.throwIfAborted();
    const connection = await this.#instance.connect();
    const interrupt = () => connection.interrupt();
    signal.addEventListener('abort', interrupt);
    try {
      return (await connection.runAndReadAll(sql)).getRowObjectsJS() as Record<string, unknown>[];
    } catch (error) {
      signal.throwIfAborted();
      throw new ResumableError(
        `DuckDB could not edit a Parquet part: ${describeDuckdbError(error)}. Run the command again to resume.`,
      );
    } finally {
      signal.removeEventListener('abort', interrupt);
      connection.closeSync();
    }
  }
}

function table(path: string): string {
  return `read_parquet([${quoteLiteral(path)}], hive_partitioning = false)`;
}

/** A list that may be empty: nothing equals null. */
function listLiterals(texts: ReadonlySet<string>): string {
  return `(${[...texts].map(quoteLiteral).join(', ') || 'NULL'})`;
}
